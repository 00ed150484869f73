"""Attempts at a piece of work: counted, capped, and a failure recorded without its secrets."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from storage import keys
from storage.canonical import sha256
from storage.errors import BadInput
from storage.leases import LeaseLost
from storage.record import Record
from storage.states import ENDED, State

log = structlog.get_logger()

ACTOR = "worker"


class RunChanged(Exception):
    """A ticket of the run was cancelled; the run is made again without it."""


@contextmanager
def attempt(record: Record, tickets: Sequence[str]) -> Iterator[None]:
    """Work on ``tickets``. What fails for good fails them; what may pass is tried again.

    Bad input fails at once. Anything else leaves the tickets where they are, for the sweep,
    until the attempts are used up. Nothing of a message that could hold a file name or a
    picture is written down: the class of the error and the digest of its traceback are.
    """
    count = max((_count(record, ticket) for ticket in tickets), default=1)
    try:
        yield
    except (LeaseLost, RunChanged) as error:
        log.info("stopped", reason=type(error).__name__, tickets=list(tickets))
    except BadInput as error:
        log.warning("refused", error=type(error).__name__, tickets=list(tickets))
        _fail(record, tickets, str(error))
    except Exception as error:  # the one place where a task meets Celery
        digest = sha256(traceback.format_exc().encode())[:16]
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error(
            "failed",
            error=type(error).__name__,
            place=f"{place.name}:{place.lineno}",
            traceback=digest,
            attempt=count,
            tickets=list(tickets),
        )
        if count >= record.settings.task_attempts:
            why = f"{type(error).__name__} in {place.name}, traceback {digest}"
            _fail(record, tickets, f"tried {count} times; the last time: {why}")
    else:
        for ticket in tickets:
            record.redis.delete(keys.attempts(ticket))


def _count(record: Record, ticket: str) -> int:
    return int(record.redis.incr(keys.attempts(ticket)))


def _fail(record: Record, tickets: Sequence[str], why: str) -> None:
    for ticket in tickets:
        if record.tickets.load(ticket).state not in ENDED | {State.FAILED}:
            record.tickets.move(ticket, State.FAILED, ACTOR, note=why)
