"""One step with many tickets: each for itself, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from storage.errors import BadInput, LetheError
from storage.record import Record
from storage.store.objects import StoreRefused, StoreUnavailable
from storage.tickets.desk import Desk
from storage.tickets.states import State

MOST = 100  # tickets at once; each is some ten requests to the object store


class Step(StrEnum):
    APPROVE = "approve"
    DENY = "deny"
    CANCEL = "cancel"
    ARCHIVE = "archive"


@dataclass(frozen=True)
class Seen:
    """A ticket as whoever decided had it before them."""

    ticket: str
    since: str  # ISO 8601: when it had come into its state; a notice in between changes nothing


@dataclass(frozen=True)
class Outcome:
    ticket: str
    state: State | None  # it has now; None where nobody knows
    refused: str = ""  # why nothing was done with it; empty where it was


def perform(
    record: Record, desk: Desk, step: Step, seen: Iterable[Seen], actor: str, why: str
) -> list[Outcome]:
    """Does the step with each ticket that is still as it was seen; what stops one stops no other.

    Only where Redis or the object store is gone nothing more is tried.

    Raises:
        BadInput: too many at once, or a denial without a reason.
    """
    seen = list(seen)
    if len(seen) > MOST:
        raise BadInput(f"{len(seen)} tickets: at most {MOST} at once; choose fewer")
    if step is Step.DENY and not why:
        raise BadInput("a denial needs a reason: go back and give one")
    outcomes: list[Outcome] = []
    gone = ""
    for each in seen:
        if gone:
            outcomes.append(Outcome(each.ticket, None, f"not tried: {gone}"))
            continue
        try:
            outcomes.append(_one(record, desk, step, each, actor, why))
        except (StoreRefused, StoreUnavailable, RedisError, OperationalError) as error:
            gone = str(error)
            outcomes.append(Outcome(each.ticket, None, f"not confirmed: {gone}"))
        except LetheError as error:  # moved meanwhile, four eyes, a chain that breaks
            outcomes.append(Outcome(each.ticket, None, str(error)))
    return outcomes


def _one(record: Record, desk: Desk, step: Step, seen: Seen, actor: str, why: str) -> Outcome:
    found = record.tickets.get(seen.ticket)
    if found.updated_at != seen.since:
        refused = f"ticket {seen.ticket}: somebody moved it meanwhile; it is {found.state} now"
        return Outcome(seen.ticket, found.state, refused)
    ways: dict[Step, Callable[[str, str, str], object]] = {
        Step.APPROVE: desk.approve,
        Step.DENY: desk.deny,
        Step.CANCEL: desk.cancel,
        Step.ARCHIVE: desk.archive,
    }
    ways[step](seen.ticket, actor, why)
    return Outcome(seen.ticket, record.tickets.get(seen.ticket).state)
