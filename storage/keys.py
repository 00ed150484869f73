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


def alias(name: str, alias: str) -> str:
    return f"models/{name}/aliases/{alias}.json"


def run(model: str) -> str:
    """What an erasure that is under way needs to go on after a crash."""
    return f"runs/{model}/"


def checkpoint(model: str) -> str:
    return f"runs/{model}/checkpoint.npz"


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


# Redis ---------------------------------------------------------------------------------------

TICKETS = "lethe:tickets"  # zset: ticket → submitted, seconds since the epoch
MODELS = "lethe:models"  # set of model names
ANNOUNCEMENTS = "lethe:announcements"  # zset: event's name → due, seconds since the epoch
WALKED = "lethe:walked"  # the last ticket folder that a sweep compared with the index


def ticket_summary(ticket: str) -> str:
    return f"lethe:ticket:{ticket}"


def tickets_in(model: str, state: State) -> str:
    return f"lethe:tickets:{model}:{state}"


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
