"""Every Redis key. Parts are checked by ``storage.names`` before."""

from __future__ import annotations

from storage.tickets.states import State

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
