"""Fills the record with open tickets, faster than people could submit them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from benchmarks.load.crowd import THREADS
from storage import names
from storage.canonical import canonical, sha256
from storage.events import Event
from storage.record import Record
from storage.request import LegalGround, Request
from storage.states import State
from storage.ticket import Ticket

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
        events = _events(models[number % len(models)], number)
        for event in events:
            record.objects.put_document(event.name, event.document())
        record.tickets.index.write(Ticket.replay(events))
        return events[0].ticket

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(write, range(first, last)))


def _events(model: str, number: int) -> list[Event]:
    now = datetime.now(UTC)
    days = NEAREST + number % (FARTHEST - NEAREST)
    ground, deadline = LegalGround.CONSENT_WITHDRAWN, (now + timedelta(days=days)).date()
    request = Request(model, f"DSR-{number}", ground, deadline, 3)
    ticket, events, previous = names.new_ticket_id(), list[Event](), None
    for place, state in enumerate(WAYS[number % len(WAYS)], start=1):
        event = Event(
            number=place,
            ticket=ticket,
            state=state,
            at=now.isoformat(timespec="milliseconds"),
            actor="load",
            previous=previous,
            data={"request": request.document()} if place == 1 else {},
        )
        previous = sha256(canonical(event.document()))
        events.append(event)
    return events
