"""A ticket as its events leave it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from storage import names
from storage.canonical import Corrupt
from storage.tickets.events import Event, Notice
from storage.tickets.request import Request
from storage.tickets.states import ENDED, State


@dataclass(frozen=True)
class Ticket:
    id: str
    model: str
    subject: str
    state: State
    legal_ground: str
    deadline: str  # ISO 8601 date
    photos: int
    submitted_at: str
    submitted_by: str
    updated_at: str  # when it came into its state
    note: str = ""  # the last reason given: why denied, why refused, why failed
    result: dict[str, Any] = field(default_factory=dict)  # version, verdict, figures
    events: int = 1
    photos_removed: bool = False  # the record says so
    told: str = ""  # the last notice about this deadline
    archived: bool = False

    @property
    def open(self) -> bool:
        return self.state not in ENDED

    @property
    def days_left(self) -> int:
        return (date.fromisoformat(self.deadline) - datetime.now(UTC).date()).days

    @property
    def due(self) -> datetime:
        """The end of the deadline's day."""
        last = date.fromisoformat(self.deadline)
        return datetime.combine(last, time(), UTC) + timedelta(days=1)

    @classmethod
    def replay(cls, events: Iterable[Event]) -> Ticket:
        """The ticket after all of ``events``, the first of which is the submission.

        Raises:
            Corrupt: they do not hold what was asked.
        """
        first, *later = events
        try:
            ticket = cls(
                id=first.ticket,
                **Request.parse(first.data["request"]).document(),
                state=first.state,
                submitted_at=first.at,
                submitted_by=first.actor,
                updated_at=first.at,
                note=str(first.data.get("note", "")),
                result=first.data.get("result", {}),
            )
            for event in later:
                ticket = ticket.after(event)
        except (KeyError, TypeError, ValueError, names.BadName):
            raise Corrupt(f"{first.name}: not the request of a ticket") from None
        return ticket

    def after(self, event: Event) -> Ticket:
        """
        Raises:
            KeyError, TypeError, ValueError: not what the event's kind holds.
        """
        data = event.data
        result = self.result | data.get("result", {})
        moved = replace(self, result=result, events=event.number)
        if "photos" in data:  # more of them were given
            moved = replace(moved, photos=int(data["photos"]))
        if event.notice is None:
            moved = replace(
                moved, state=event.state, updated_at=event.at, note=str(data.get("note", ""))
            )
            return replace(moved, photos_removed="objects_removed" in result)
        match event.notice:
            case Notice.PHOTOS_REMOVED:
                return replace(moved, photos_removed=True)
            case Notice.DEADLINE_NEAR | Notice.DEADLINE_MISSED:
                return replace(moved, told=str(event.notice))
            case Notice.EXTENDED:
                deadline = date.fromisoformat(data["deadline"]).isoformat()
                return replace(moved, deadline=deadline, told="")
            case Notice.ARCHIVED | Notice.RESTORED:
                return replace(moved, archived=event.notice is Notice.ARCHIVED)
