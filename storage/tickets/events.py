"""Events: what happened to a ticket, each holding the digest of the one before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from storage import object_names
from storage.canonical import Corrupt, Document, canonical, parse
from storage.tickets.states import State


class Notice(StrEnum):
    """What may be written down of a ticket that stays in its state."""

    PHOTOS_REMOVED = "photos_removed"
    DEADLINE_NEAR = "deadline_near"
    DEADLINE_MISSED = "deadline_missed"
    EXTENDED = "extended"  # GDPR Art. 12(3): by two further months
    ARCHIVED = "archived"  # no list shows it; the record keeps it
    RESTORED = "restored"


@dataclass(frozen=True)
class Event:
    number: int
    ticket: str
    state: State
    at: str  # ISO 8601, UTC
    actor: str
    previous: str | None  # SHA-256 of the event before
    data: dict[str, Any]

    @property
    def name(self) -> str:
        return object_names.event(self.ticket, self.number, self.state)

    @property
    def notice(self) -> Notice | None:
        """None where the event is a step into ``state``."""
        found = self.data.get("notice")
        return None if found is None else Notice(found)

    def document(self) -> Document:
        return {"format": 1, **asdict(self), "state": str(self.state)}

    @classmethod
    def parse(cls, data: bytes, name: str) -> Event:
        """
        Raises:
            Corrupt: not an event.
        """
        document = parse(data, name)
        if document.pop("format", None) != 1:
            raise Corrupt(f"{name}: not an event of format 1")
        try:
            event = cls(**{**document, "state": State(document["state"])})
            datetime.fromisoformat(event.at)
            written = canonical(event.document())
            sound = event.is_sound()
        except (KeyError, TypeError, ValueError, RecursionError):
            raise Corrupt(f"{name}: not an event") from None
        if not sound:
            raise Corrupt(f"{name}: not an event")
        if written != data:  # the next event would hold another digest than is found here
            raise Corrupt(f"{name}: not canonical JSON: altered or re-saved")
        return event

    def is_sound(self) -> bool:
        """Whether everything is of its kind, which JSON alone does not say.

        Raises:
            ValueError: a notice that there is none of.
        """
        texts = (self.ticket, self.at, self.actor, self.previous or "")
        return (
            type(self.number) is int
            and all(isinstance(text, str) for text in texts)
            and isinstance(self.data, dict)
            and isinstance(self.data.get("result", {}), dict)
            and (self.notice is None or self.number > 1)
        )


def chained(read: Iterable[tuple[str, Event, str]]) -> list[Event]:
    """The events of a ticket, each with its object's name and digest, in the order of the names.

    Raises:
        Corrupt: an event is missing, altered or doubled.
    """
    chain: list[Event] = []
    previous: str | None = None
    for number, (name, event, digest) in enumerate(read, start=1):
        if event.name != name or event.number != number or event.previous != previous:
            raise Corrupt(f"{name}: the chain of events breaks here")
        previous = digest
        chain.append(event)
    return chain
