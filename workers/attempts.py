"""Attempts at a piece of work: counted, capped, and a failure recorded without its secrets."""

from __future__ import annotations

import os
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
from storage.tickets.states import ENDED, State
from storage.tracebacks import nameless
from workers.stopping import Stopping

log = structlog.get_logger()

ACTOR = "worker"
LONGEST_REST = 3600  # seconds between two attempts, at most
# Attempts of a run of several after which its tickets are tried one at a time: the one that is to
# blame then uses up its own attempts alone.
APART = 2


class RunChanged(Exception):
    """A ticket of the run was cancelled, or failed alone; the run is made again without it."""


@contextmanager
def attempt(record: Record, tickets: Sequence[str]) -> Iterator[None]:
    """Work on ``tickets``. What fails for good fails them; what may pass is tried again.

    Bad input fails at once, of a run of several once it is known whose it is. Anything else
    leaves the tickets where they are, for the sweep, until the attempts are used up: after the
    first for a sweep's period, then for twice as long each time. A worker that is asked to end
    has attempted nothing.

    Nothing of a message that could hold a file name or a picture is written down: the class of the
    error and the digest of its traceback are, and the log has the traceback.
    """
    count = max((_count(record, ticket) for ticket in tickets), default=1)
    if count > 1:
        _rest(record, tickets, count)  # for a worker that is killed in the attempt
    try:
        yield
    except LeaseLost as error:
        log.info("stopped", reason=type(error).__name__, tickets=list(tickets))
    except Stopping as error:
        log.info("stopped", reason=type(error).__name__, tickets=list(tickets))
        take_back(record, tickets)
    except RunChanged as error:
        log.info("stopped", reason=type(error).__name__, tickets=list(tickets))
        _forget(record, tickets)  # somebody cancelled; the others are not to blame
    except BadInput as error:
        log.warning("refused", error=type(error).__name__, tickets=list(tickets))
        if len(tickets) > 1 and count <= APART:
            _part(record, tickets)
        else:
            fail(record, tickets, str(error))
    except Exception as error:  # the one place where a task meets Celery
        formatted = nameless(error)
        digest = sha256(formatted.encode())
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error(
            "failed",
            error=_kind(error),
            place=f"{place.name}:{place.lineno}",
            traceback=formatted,
            digest=digest,
            attempt=count,
            tickets=list(tickets),
        )
        if count >= record.settings.task_attempts:
            why = f"{_kind(error)} in {place.name}, traceback {digest}"
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
    """Whether none of them is to be tried now.

    What failed once keeps the others waiting, to go on with them; later it rests aside.
    """
    asleep = _asleep(record, tickets)
    counts = attempts(record, asleep)
    return bool(asleep) and (len(asleep) == len(tickets) or min(counts.values()) < APART)


def aside(record: Record, tickets: Sequence[str]) -> set[str]:
    """Those that rest and let others go by."""
    counts = attempts(record, _asleep(record, tickets))
    return {ticket for ticket, count in counts.items() if count >= APART}


def _asleep(record: Record, tickets: Sequence[str]) -> list[str]:
    rests = record.redis.mget([keys.rest(ticket) for ticket in tickets]) if tickets else []
    return [ticket for ticket, rest in zip(tickets, rests, strict=True) if rest]


def take_back(record: Record, tickets: Sequence[str]) -> None:
    """The attempt that is under way was none."""
    for ticket in tickets:
        record.redis.decr(keys.attempts(ticket))
        record.redis.delete(keys.rest(ticket))


def _part(record: Record, tickets: Sequence[str]) -> None:
    """From now on each is tried alone."""
    for ticket in tickets:
        record.redis.set(keys.attempts(ticket), APART)
        record.redis.delete(keys.rest(ticket))


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


def _kind(error: BaseException) -> str:
    """The error's class, and what the system said of it: a full disk, say. No file's name."""
    said = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else ""
    return f"{type(error).__name__} ({said})" if said else type(error).__name__


def fail(record: Record, tickets: Sequence[str], why: str) -> None:
    for ticket in tickets:
        if record.tickets.load(ticket).state not in ENDED | {State.FAILED}:
            record.tickets.move(ticket, State.FAILED, ACTOR, note=why)
