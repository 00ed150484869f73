"""Attempts at a piece of work: counted, capped, and a failure recorded without its secrets."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import structlog
from redis.exceptions import RedisError

from storage import keys
from storage.canonical import sha256
from storage.errors import BadInput
from storage.leases import LeaseLost
from storage.record import Record
from storage.states import ENDED, State

log = structlog.get_logger()

ACTOR = "worker"
LONGEST_REST = 3600  # seconds between two attempts, at most


class RunChanged(Exception):
    """A ticket of the run was cancelled; the run is made again without it."""


@contextmanager
def attempt(record: Record, tickets: Sequence[str]) -> Iterator[None]:
    """Work on ``tickets``. What fails for good fails them; what may pass is tried again.

    Bad input fails at once. Anything else leaves the tickets where they are, for the sweep,
    until the attempts are used up: after the first for a sweep's period, then for twice as long
    each time. Nothing of a message that could hold a file name or a picture is written down: the
    class of the error and the digest of its traceback are, and the log has the traceback.
    """
    count = max((_count(record, ticket) for ticket in tickets), default=1)
    if count > 1:
        _rest(record, tickets, count)  # for a worker that is killed in the attempt
    try:
        yield
    except LeaseLost as error:
        log.info("stopped", reason=type(error).__name__, tickets=list(tickets))
    except RunChanged as error:
        log.info("stopped", reason=type(error).__name__, tickets=list(tickets))
        _forget(record, tickets)  # somebody cancelled; the others are not to blame
    except BadInput as error:
        log.warning("refused", error=type(error).__name__, tickets=list(tickets))
        fail(record, tickets, str(error))
    except Exception as error:  # the one place where a task meets Celery
        formatted = _nameless(error)
        digest = sha256(formatted.encode())
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error(
            "failed",
            error=type(error).__name__,
            place=f"{place.name}:{place.lineno}",
            traceback=formatted,
            digest=digest,
            attempt=count,
            tickets=list(tickets),
        )
        if count >= record.settings.task_attempts:
            why = f"{type(error).__name__} in {place.name}, traceback {digest}"
            fail(record, tickets, f"tried {count} times; the last time: {why}")
        else:
            with suppress(RedisError):  # then it is tried again the sooner
                _rest(record, tickets, count)
    else:
        _forget(record, tickets)


def attempts(record: Record, tickets: Sequence[str]) -> dict[str, int]:
    """How often work on each ticket was begun since it last went well."""
    counts = record.redis.mget([keys.attempts(ticket) for ticket in tickets]) if tickets else []
    return {ticket: int(count or 0) for ticket, count in zip(tickets, counts, strict=True)}


def resting(record: Record, tickets: Sequence[str]) -> bool:
    """Whether any of them was tried a short while ago."""
    return bool(tickets) and bool(record.redis.exists(*map(keys.rest, tickets)))


def _forget(record: Record, tickets: Sequence[str]) -> None:
    for ticket in tickets:
        record.redis.delete(keys.attempts(ticket), keys.rest(ticket))


def _count(record: Record, ticket: str) -> int:
    return int(record.redis.incr(keys.attempts(ticket)))


def _rest(record: Record, tickets: Sequence[str], count: int) -> None:
    longer = 2 ** min(count - 1, 12)
    seconds = min(record.settings.sweep_seconds * longer, LONGEST_REST)
    for ticket in tickets:
        record.redis.set(keys.rest(ticket), count, ex=seconds)


def _nameless(error: BaseException) -> str:
    """The formatted traceback without the messages: those may hold a file's name."""
    parts: list[str] = []
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        frames = traceback.format_tb(found.__traceback__)
        parts.append("".join([*frames, type(found).__qualname__]))
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\n".join(reversed(parts))


def fail(record: Record, tickets: Sequence[str], why: str) -> None:
    for ticket in tickets:
        if record.tickets.load(ticket).state not in ENDED | {State.FAILED}:
            record.tickets.move(ticket, State.FAILED, ACTOR, note=why)
