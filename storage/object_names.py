"""Every object's name in the store. Parts are checked by ``storage.names`` before."""

from __future__ import annotations

from storage.tickets.states import State

TICKET_FOLDERS = "tickets/"
MODEL_FOLDERS = "models/"


def ticket_folder(ticket: str) -> str:
    return f"tickets/{ticket}/"


def event(ticket: str, number: int, state: State) -> str:
    return f"tickets/{ticket}/events/{number:06d}-{state}.json"


def events(ticket: str) -> str:
    return f"tickets/{ticket}/events/"


def photos(ticket: str) -> str:
    """All that shows the subject lies under this prefix and goes with it."""
    return f"tickets/{ticket}/photos/"


def photo_manifest(ticket: str) -> str:
    return f"tickets/{ticket}/photos/manifest.json"


def photo(ticket: str, sha256: str) -> str:
    return f"tickets/{ticket}/photos/{sha256}"


def crop(ticket: str, sha256: str) -> str:
    return f"tickets/{ticket}/photos/crops/{sha256}.png"


def selection(ticket: str) -> str:
    return f"tickets/{ticket}/photos/selection.json"


def draft(ticket: str) -> str:
    """A ticket that is not submitted yet: under the photos' prefix, so that it goes with them."""
    return f"tickets/{ticket}/photos/draft.json"


def look(ticket: str) -> str:
    """What a worker saw in the draft's photos."""
    return f"tickets/{ticket}/photos/look.json"


def drafts_of(user: str) -> str:
    """The folder that names a user's drafts."""
    return f"drafts/{user}/"


def draft_of(user: str, ticket: str) -> str:
    return f"drafts/{user}/{ticket}.json"


def model(name: str) -> str:
    return f"models/{name}/model.json"


def versions(name: str) -> str:
    return f"models/{name}/versions/"


def version(name: str, number: int) -> str:
    return f"models/{name}/versions/{number:06d}/"


def version_file(name: str, number: int, file: str, sha256: str) -> str:
    """Named by its content, too: whoever publishes the same number has another object."""
    return f"models/{name}/versions/{number:06d}/{file}.{sha256}"


def manifest(name: str, number: int) -> str:
    return f"models/{name}/versions/{number:06d}/manifest.json"


def deletion(name: str, number: int) -> str:
    """Who deleted a version's files, when and why."""
    return f"models/{name}/versions/{number:06d}/deleted.json"


def aliases(name: str) -> str:
    return f"models/{name}/aliases/"


def alias(name: str, alias: str) -> str:
    """Where the alias pointed before its moves were recorded; only older installations have it."""
    return f"models/{name}/aliases/{alias}.json"


def alias_moves(name: str, alias: str) -> str:
    """The folder of the alias's journal."""
    return f"models/{name}/aliases/{alias}/"


def policy(name: str) -> str:
    """The folder of the journal of a model's own policy."""
    return f"models/{name}/policy/"


def journal_entry(folder: str, number: int) -> str:
    return f"{folder}{number:06d}.json"


IMPORTS = "imports/"  # a folder for each model file that somebody gave to be imported


def import_(id_: str) -> str:
    return f"imports/{id_}/"


def import_request(id_: str) -> str:
    return f"imports/{id_}/request.json"


def import_file(id_: str) -> str:
    return f"imports/{id_}/model.onnx"


def import_outcome(id_: str) -> str:
    return f"imports/{id_}/outcome.json"


def run(model: str) -> str:
    """What an erasure that is under way needs to go on after a crash."""
    return f"runs/{model}/"


def checkpoint(model: str) -> str:
    return f"runs/{model}/checkpoint.npz"


def run_tickets(model: str) -> str:
    """Whose run it is."""
    return f"runs/{model}/tickets.json"


def shards(model: str) -> str:
    """What a run that is divided among workers keeps for them, and they for it."""
    return f"runs/{model}/shards/"


def shard_job(model: str, job: str) -> str:
    return f"runs/{model}/shards/{job}/job.json"


def shard_parts(model: str, job: str) -> str:
    """The folder of a job's results."""
    return f"runs/{model}/shards/{job}/parts/"


def shard_part(model: str, job: str, number: int) -> str:
    return f"runs/{model}/shards/{job}/parts/{number:06d}.npz"


def shard_network(model: str, sha256: str) -> str:
    """A version that the workers embed with, published or not."""
    return f"runs/{model}/shards/networks/{sha256}.onnx"


def shard_array(model: str, sha256: str) -> str:
    return f"runs/{model}/shards/arrays/{sha256}.npy"


FACE_SETS = "facesets/"


def face_set(name: str) -> str:
    return f"facesets/{name}/index.json"


def face(name: str, person: str, sha256: str) -> str:
    return f"facesets/{name}/{person}/{sha256}.jpg"


CERTIFICATES = "certificates/"
PUBLIC_KEYS = "keys/"


def certificate(ticket: str) -> str:
    return f"certificates/{ticket}.json"


def report(ticket: str) -> str:
    return f"certificates/{ticket}.html"


def public_key(key_id: str) -> str:
    return f"keys/{key_id}.pub"


USERS = "users/"


def user(name: str) -> str:
    return f"{USERS}{name}.json"


def api_token(token: str) -> str:
    return f"api-tokens/by-id/{token}.json"


def api_tokens_of(user: str) -> str:
    """The folder that names a user's tokens."""
    return f"api-tokens/of/{user}/"


def api_token_of(user: str, token: str) -> str:
    return f"api-tokens/of/{user}/{token}.json"


AUDIT = "audit/"
_AUDIT_BLOCK = 1000  # entries in one folder: the last one is listed where Redis lost the log's end


def audit_entry(number: int) -> str:
    return f"{AUDIT}{number // _AUDIT_BLOCK:06d}/{number:09d}.json"


def audit_number(name: str) -> int | None:
    """The number of the entry that an object under ``AUDIT`` is; None where it is none."""
    digits = name.rpartition("/")[2].removesuffix(".json")
    number = int(digits) if digits.isascii() and digits.isdecimal() else 0
    return number if number and name == audit_entry(number) else None


PROBE = "probes/conditional-writes.json"  # by it the store shows whether it knows If-None-Match
