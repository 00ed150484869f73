"""What a webhook's receiver is told of a ticket's events, and the task that tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from storage.canonical import Corrupt, canonical
from storage.record import Record
from storage.tickets.events import Event
from storage.tickets.ticket import Ticket

TASK = "lethe.webhooks"


@dataclass(frozen=True)
class Message:
    """Ids, states and times alone: no subject, no person who acted, no note, no figure."""

    id: str
    body: bytes  # the same bytes at every attempt

    @classmethod
    def read(cls, record: Record, name: str) -> Message:
        """The message about the event of this name.

        Raises:
            ObjectMissing: no such event is in the record.
            Corrupt, NoSuchTicket
        """
        event = Event.parse(record.objects.get(name), name)
        if event.name != name:
            raise Corrupt(f"{name}: the event of another name")
        return cls.about(event, record.tickets.get(event.ticket))

    @classmethod
    def about(cls, event: Event, ticket: Ticket) -> Message:
        at = datetime.fromisoformat(event.at)
        identity = f"{event.ticket}-{event.number}"
        data = {
            "id": identity,
            "ticket": event.ticket,
            "number": event.number,
            "model": ticket.model,
            "state": str(event.state),
            "at": event.at,
            "days_left": (date.fromisoformat(ticket.deadline) - at.date()).days,
        }
        kind = f"ticket.{event.notice or event.state}"
        return cls(identity, canonical({"type": kind, "timestamp": event.at, "data": data}))
