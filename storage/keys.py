"""Every Redis key and every object name. Parts are checked by ``storage.names`` before."""

from __future__ import annotations

from storage.tickets.states import State

# Objects -------------------------------------------------------------------------------------

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


# Redis ---------------------------------------------------------------------------------------

# The index of tickets; ``lethe ledger rebuild`` makes it anew.
TICKETS = "lethe:index:tickets"  # zset: every ticket → submitted, seconds since the epoch
COUNTS = "lethe:index:counts"  # hash: model/state → tickets that lists show
DEADLINES = "lethe:index:deadlines"  # zset: open ticket → end of its deadline, seconds
ENDED = "lethe:index:ended"  # zset: ended ticket that lists show → when it ended, seconds
ARCHIVED = "lethe:index:archived"  # zset: ended ticket that no list shows → when it ended, seconds
ROWS = "lethe:index:rows"  # hash: ticket → what lists are filtered by; see ticket_search
PHOTOS = "lethe:index:photos"  # zset: ended ticket with photos left → when it ended, seconds
MODELS = "lethe:models"  # set of model names
LINES = "lethe:lines"  # hash: model → what pages show of it, as JSON; storage.models.lines makes it
FACE_LINES = "lethe:facesets"  # hash: face set → what lists show of it, as JSON
ANNOUNCEMENTS = "lethe:announcements"  # zset: event's name → due, seconds since the epoch
WALKED = "lethe:walked"  # the last ticket folder that a sweep compared with the index
SWEPT = "lethe:swept"  # when the last sweep came to its end, seconds since the epoch
WORKERS = "lethe:workers"  # hash: worker → its queues and when it was heard, as JSON; see presence
COMPARED = "lethe:compared"  # how many open tickets the sweeps' present round has compared


# The audit log and its index; ``lethe ledger rebuild`` makes both anew.
AUDIT_LAST = "lethe:audit:last"  # number and digest of the last entry, as JSON
AUDIT_FROM = "lethe:audit:from"  # from this number on the index has every entry
AUDIT_DAYS = "lethe:audit:days"  # zset: day → number of its first entry
AUDIT_DAYS_END = "lethe:audit:days:end"  # zset: day → number of its last entry
AUDIT_ACTORS = "lethe:audit:actors"  # set: who stands in the log
AUDIT_LOCK = "lethe:lock:audit"
AUDIT_REFUSALS = "lethe:audit:refusals"  # entries about refused sign-ins in this minute


def audit_listing(actor: str | None, act: str | None) -> str:
    """Zset: number of each entry of an actor, of an act, or of both, by its number."""
    return f"lethe:audit:list:{actor or ''}:{act or ''}"


def audit_refusal(address: str) -> str:
    """Set for a minute after a sign-in from the address was refused."""
    return f"lethe:audit:refusal:{address}"


def audit_left_out(address: str) -> str:
    """How many such refusals have no entry of their own."""
    return f"lethe:audit:left-out:{address}"


def ticket_summary(ticket: str) -> str:
    return f"lethe:index:ticket:{ticket}"


def ordered(order: str, archived: bool) -> str:
    """Zset: every ticket that lists show, or every archived one → seconds since the epoch."""
    return f"lethe:index:{'archived' if archived else 'shown'}:by:{order}"


def told(notice: str) -> str:
    """Zset: open ticket about whose deadline so much was said → end of its deadline."""
    return f"lethe:index:told:{notice}"


def listing(model: str | None, state: State | None) -> str:
    """Zset: what a list of tickets shows → submitted, seconds since the epoch."""
    return f"lethe:index:list:{model or ''}:{state or ''}"


def manifests(model: str) -> str:
    """Hash: number → the version's manifest, as JSON; ``storage.models.lineage`` reads the rest."""
    return f"lethe:manifests:{model}"


def progress(ticket: str) -> str:
    return f"lethe:progress:{ticket}"


def progress_points(ticket: str, stage: str) -> str:
    """Zset: a stage's figures on the way, as JSON → how much of it was done then, 0…1."""
    return f"lethe:progress:{ticket}:{stage}"


def durations(model: str, stage: str) -> str:
    """List: how long a model's last stages of this name took, seconds; the newest first."""
    return f"lethe:durations:{model}:{stage}"


def attempts(ticket: str) -> str:
    return f"lethe:attempts:{ticket}"


def rest(ticket: str) -> str:
    """Set while a ticket that failed waits before it is tried again."""
    return f"lethe:rest:{ticket}"


def sent(kind: str, name: str) -> str:
    """Set while a task that the sweep sent waits in a queue."""
    return f"lethe:sent:{kind}:{name}"


def look_asked(ticket: str) -> str:
    """Set while the task that looks at a draft's photos waits in a queue."""
    return f"lethe:look:{ticket}"


def look_tries(ticket: str) -> str:
    return f"lethe:look:tries:{ticket}"


def announcement_failures(event: str) -> str:
    return f"lethe:announcements:failures:{event}"


def append_lock(ticket: str) -> str:
    return f"lethe:lock:ticket:{ticket}"


def lease(kind: str, name: str) -> str:
    return f"lethe:lease:{kind}:{name}"


def fence(kind: str, name: str) -> str:
    return f"lethe:fence:{kind}:{name}"


def shards_done(job: str) -> str:
    """Set when Celery has counted all shards of a job as done."""
    return f"lethe:shards:{job}:done"


def figures(model: str) -> str:
    return f"lethe:figures:{model}"


def verdicts(model: str) -> str:
    return f"lethe:verdicts:{model}"


def worker(name: str) -> str:
    return f"lethe:worker:{name}"


def api_token_used(token: str) -> str:
    """The last day on which it was used."""
    return f"lethe:api-token:used:{token}"


def idempotency(digest: str) -> str:
    """What came under an idempotency key of a user, by the digest of both."""
    return f"lethe:idempotency:{digest}"


def idempotency_running(digest: str) -> str:
    return f"lethe:idempotency:running:{digest}"


def trace(ticket: str) -> str:
    """The W3C traceparent of the request that submitted the ticket; only where traces are on."""
    return f"lethe:trace:{ticket}"


# Accounts and sessions: tokens stand in keys by their SHA-256 alone.
USERS_LOCK = "lethe:lock:users"
SIGNED_IN = "lethe:account:signed-in"  # hash: user → last sign-in, ISO 8601
LIMITS = "lethe:limits"  # before the names of Flask-Limiter's keys


def session(digest: str) -> str:
    """Hash of one session; see storage.accounts.sessions."""
    return f"lethe:account:session:{digest}"


def sessions_of(user: str) -> str:
    """Zset: digest of a session → its end at the latest, seconds since the epoch."""
    return f"lethe:account:sessions:{user}"


def half_signed_in(digest: str) -> str:
    """Whose password was right; the code of the second factor is still to come."""
    return f"lethe:account:half:{digest}"


def sign_in_link(digest: str) -> str:
    return f"lethe:sign-in:{digest}"
