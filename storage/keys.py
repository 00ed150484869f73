"""Every Redis key and every object name. Parts are checked by ``storage.names`` before."""

from __future__ import annotations

from storage.states import State

# Objects -------------------------------------------------------------------------------------


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


def run(model: str) -> str:
    """What an erasure that is under way needs to go on after a crash."""
    return f"runs/{model}/"


def checkpoint(model: str) -> str:
    return f"runs/{model}/checkpoint.npz"


def run_tickets(model: str) -> str:
    """Whose run it is."""
    return f"runs/{model}/tickets.json"


def face_set(name: str) -> str:
    return f"facesets/{name}/index.json"


def face(name: str, person: str, sha256: str) -> str:
    return f"facesets/{name}/{person}/{sha256}.jpg"


def certificate(ticket: str) -> str:
    return f"certificates/{ticket}.json"


def report(ticket: str) -> str:
    return f"certificates/{ticket}.html"


def public_key(key_id: str) -> str:
    return f"keys/{key_id}.pub"


def user(name: str) -> str:
    return f"users/{name}.json"


PROBE = "probes/conditional-writes.json"  # by it the store shows whether it knows If-None-Match


# Redis ---------------------------------------------------------------------------------------

# The index of tickets; ``lethe ledger rebuild`` makes it anew.
TICKETS = "lethe:index:tickets"  # zset: every ticket → submitted, seconds since the epoch
COUNTS = "lethe:index:counts"  # hash: model/state → tickets that lists show
DEADLINES = "lethe:index:deadlines"  # zset: open ticket → end of its deadline, seconds
ENDED = "lethe:index:ended"  # zset: ended ticket that lists show → when it ended, seconds
ARCHIVED = "lethe:index:archived"  # zset: ended ticket that no list shows → when it ended, seconds
PHOTOS = "lethe:index:photos"  # zset: ended ticket with photos left → when it ended, seconds
MODELS = "lethe:models"  # set of model names
LINES = "lethe:lines"  # hash: model → what pages show of it, as JSON; storage.lines makes it
ANNOUNCEMENTS = "lethe:announcements"  # zset: event's name → due, seconds since the epoch
WALKED = "lethe:walked"  # the last ticket folder that a sweep compared with the index
COMPARED = "lethe:compared"  # how many open tickets the sweeps' present round has compared


def ticket_summary(ticket: str) -> str:
    return f"lethe:index:ticket:{ticket}"


def told(notice: str) -> str:
    """Zset: open ticket about whose deadline so much was said → end of its deadline."""
    return f"lethe:index:told:{notice}"


def listing(model: str | None, state: State | None) -> str:
    """Zset: what a list of tickets shows → submitted, seconds since the epoch."""
    return f"lethe:index:list:{model or ''}:{state or ''}"


def progress(ticket: str) -> str:
    return f"lethe:progress:{ticket}"


def attempts(ticket: str) -> str:
    return f"lethe:attempts:{ticket}"


def rest(ticket: str) -> str:
    """Set while a ticket that failed waits before it is tried again."""
    return f"lethe:rest:{ticket}"


def sent(kind: str, name: str) -> str:
    """Set while a task that the sweep sent waits in a queue."""
    return f"lethe:sent:{kind}:{name}"


def announcement_failures(event: str) -> str:
    return f"lethe:announcements:failures:{event}"


def append_lock(ticket: str) -> str:
    return f"lethe:lock:ticket:{ticket}"


def lease(kind: str, name: str) -> str:
    return f"lethe:lease:{kind}:{name}"


def fence(kind: str, name: str) -> str:
    return f"lethe:fence:{kind}:{name}"


def figures(model: str) -> str:
    return f"lethe:figures:{model}"


def verdicts(model: str) -> str:
    return f"lethe:verdicts:{model}"


def worker(name: str) -> str:
    return f"lethe:worker:{name}"
