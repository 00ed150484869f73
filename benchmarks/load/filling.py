"""Fills the record with open tickets, faster than people could submit them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from benchmarks.load.crowd import THREADS
from storage import names
from storage.canonical import canonical, sha256
from storage.record import Record
from storage.tickets.events import Event
from storage.tickets.request import LegalGround, Request
from storage.tickets.states import State
from storage.tickets.ticket import Ticket

S = State
# Three in five wait for approval, one for preparation, one for the model.
WAYS = (
    (S.SUBMITTED,),
    (S.SUBMITTED,),
    (S.SUBMITTED,),
    (S.SUBMITTED, S.APPROVED),
    (S.SUBMITTED, S.APPROVED, S.PREPARING, S.QUEUED),
)
NEAREST, FARTHEST = 10, 30  # days to a deadline: none is near, so no sweep tells of it


def fill(record: Record, models: Sequence[str], first: int, last: int) -> list[str]:
    """Writes tickets ``first`` … ``last - 1`` as events and index entries; returns their ids.

    Each is what ``Tickets.submit`` and ``Tickets.move`` would have left, without the photos.
    """

    def write(number: int) -> str:
        return write_ticket(record, request_of(models[number % len(models)], number), _way(number))

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(write, range(first, last)))


def write_ticket(record: Record, request: Request, way: Sequence[State]) -> str:
    """The id of a ticket that went through the states of ``way``, without a photo."""
    events = _events(request, way)
    for event in events:
        record.objects.put_document(event.name, event.document())
    record.tickets.index.write(Ticket.replay(events))
    return events[0].ticket


def request_of(model: str, number: int, photos: int = 3) -> Request:
    days = NEAREST + number % (FARTHEST - NEAREST)
    deadline = (datetime.now(UTC) + timedelta(days=days)).date()
    return Request(model, f"DSR-{number}", LegalGround.CONSENT_WITHDRAWN, deadline, photos)


def _way(number: int) -> Sequence[State]:
    return WAYS[number % len(WAYS)]


def _events(request: Request, way: Sequence[State]) -> list[Event]:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    ticket, events, previous = names.new_ticket_id(), list[Event](), None
    for place, state in enumerate(way, start=1):
        event = Event(
            number=place,
            ticket=ticket,
            state=state,
            at=at,
            actor="load",
            previous=previous,
            data={"request": request.document()} if place == 1 else {},
        )
        previous = sha256(canonical(event.document()))
        events.append(event)
    return events
