"""Tickets: an append-only chain of events each, in the object store; an index of them in Redis."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError

from storage import keys, names
from storage.announcements import Announcements
from storage.canonical import Corrupt, Document, canonical, parse, sha256
from storage.errors import BadInput
from storage.objects import ObjectStore
from storage.request import Request
from storage.states import State, check_transition

log = structlog.get_logger("storage.tickets")

LOCK_SECONDS = 30.0  # longer than one event takes to write over a slow line


class NoSuchTicket(BadInput):
    """There is no ticket of this id."""


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
        return keys.event(self.ticket, self.number, self.state)

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
        except (KeyError, TypeError, ValueError, RecursionError):
            raise Corrupt(f"{name}: not an event") from None
        if not event.is_sound():
            raise Corrupt(f"{name}: not an event")
        if written != data:  # the next event would hold another digest than is found here
            raise Corrupt(f"{name}: not canonical JSON: altered or re-saved")
        return event

    def is_sound(self) -> bool:
        """Whether everything is of its kind, which JSON alone does not say."""
        texts = (self.ticket, self.at, self.actor, self.previous or "")
        return (
            type(self.number) is int
            and all(isinstance(text, str) for text in texts)
            and isinstance(self.data, dict)
            and isinstance(self.data.get("result", {}), dict)
        )


@dataclass(frozen=True)
class Ticket:
    """A ticket as its events leave it."""

    id: str
    model: str
    subject: str
    state: State
    legal_ground: str
    deadline: str  # ISO 8601 date
    photos: int
    submitted_at: str
    submitted_by: str
    updated_at: str
    note: str = ""  # the last reason given: why denied, why refused, why failed
    result: dict[str, Any] = field(default_factory=dict)  # version, verdict, figures

    @property
    def days_left(self) -> int:
        return (date.fromisoformat(self.deadline) - datetime.now(UTC).date()).days

    @classmethod
    def replay(cls, events: Iterable[Event]) -> Ticket:
        """The state after all of ``events``, the first of which is the submission.

        Raises:
            Corrupt: they do not hold what was asked.
        """
        first, *_ = chain = list(events)
        last = chain[-1]
        result: dict[str, Any] = {}
        try:
            for event in chain:
                result |= event.data.get("result", {})
            return cls(
                id=first.ticket,
                **Request.parse(first.data["request"]).document(),
                state=last.state,
                submitted_at=first.at,
                submitted_by=first.actor,
                updated_at=last.at,
                note=str(last.data.get("note", "")),
                result=result,
            )
        except (KeyError, TypeError, ValueError, names.BadName):
            raise Corrupt(f"{first.name}: not the request of a ticket") from None


class Tickets:
    def __init__(self, objects: ObjectStore, redis: Redis) -> None:
        self._objects = objects
        self._redis = redis
        self._announcements = Announcements(redis)

    def submit(self, ticket: str, request: Request, actor: str, data: Mapping[str, Any]) -> Ticket:
        """Writes the first event. It is in the object store when this returns, or this raises.

        Without Redis it is accepted all the same: the sweep puts it into the index.
        """
        event = Event(
            number=1,
            ticket=names.ticket_id(ticket),
            state=State.SUBMITTED,
            at=_now(),
            actor=actor,
            previous=None,
            data={"request": request.document(), **data},
        )
        self._announcements.add(event.name)
        self._objects.put_document(event.name, event.document())
        accepted = Ticket.replay([event])
        try:
            self.index(accepted)
        except RedisError as error:  # a second submission would be a second ticket
            log.warning("accepted, not indexed", ticket=ticket, why=str(error))
        return accepted

    def move(
        self,
        ticket: str,
        state: State,
        actor: str,
        *,
        note: str = "",
        result: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Ticket:
        """Appends an event that brings the ticket into ``state``.

        ``result`` is what the ticket shows from now on; ``data`` stays in the event alone.

        Raises:
            NoSuchTicket
            BadTransition: the table does not allow the step from where the ticket is now.
        """
        lock = self._redis.lock(
            keys.append_lock(names.ticket_id(ticket)),
            timeout=LOCK_SECONDS,
            raise_on_release_error=False,  # the event is written: a Redis that forgot fails nothing
        )
        with lock:
            events = self.events(ticket)
            last = events[-1]
            check_transition(ticket, last.state, state)
            kept = dict(data or {})
            if note:
                kept["note"] = note
            if result:
                kept["result"] = dict(result)
            event = Event(
                number=last.number + 1,
                ticket=ticket,
                state=state,
                at=_now(),
                actor=actor,
                previous=sha256(canonical(last.document())),
                data=kept,
            )
            self._announcements.add(event.name)
            self._objects.put_document(event.name, event.document())
            return self.index(Ticket.replay([*events, event]))

    def events(self, ticket: str) -> list[Event]:
        """All events of a ticket, their chain checked.

        Raises:
            NoSuchTicket
            Corrupt: an event is missing, altered or doubled.
        """
        names_ = sorted(self._objects.names(keys.events(names.ticket_id(ticket))))
        if not names_:
            raise NoSuchTicket(f"ticket {ticket}: there is none of this id")
        chain: list[Event] = []
        previous: str | None = None
        for number, name in enumerate(names_, start=1):
            data = self._objects.get(name)
            event = Event.parse(data, name)
            if event.name != name or event.number != number or event.previous != previous:
                raise Corrupt(f"{name}: the chain of events breaks here")
            previous = sha256(data)
            chain.append(event)
        return chain

    def load(self, ticket: str) -> Ticket:
        """The ticket from the record."""
        return Ticket.replay(self.events(ticket))

    def get(self, ticket: str) -> Ticket:
        """The ticket from the index, or from the record where the index lacks it."""
        found = self._redis.get(keys.ticket_summary(names.ticket_id(ticket)))
        return _summary(str(found)) if found else self.index(self.load(ticket))

    def recent(
        self, *, model: str | None = None, state: State | None = None, limit: int = 100
    ) -> list[Ticket]:
        """The newest tickets first."""
        found: list[Ticket] = []
        for ticket in self._redis.zrevrange(keys.TICKETS, 0, -1):
            summary = self.get(str(ticket))
            if model in {None, summary.model} and state in {None, summary.state}:
                found.append(summary)
            if len(found) == limit:
                break
        return found

    def waiting(self, model: str, state: State) -> list[str]:
        """Ids of a model's tickets in a state, the earliest submitted first."""
        return [str(item) for item in self._redis.zrange(keys.tickets_in(model, state), 0, -1)]

    def count(self, model: str, state: State) -> int:
        return int(self._redis.zcard(keys.tickets_in(model, state)))

    def index(self, ticket: Ticket) -> Ticket:
        """Writes the ticket into Redis; the record stays the truth."""
        score = datetime.fromisoformat(ticket.submitted_at).timestamp()
        pipe = self._redis.pipeline(transaction=True)
        pipe.set(keys.ticket_summary(ticket.id), json.dumps(asdict(ticket)))
        pipe.zadd(keys.TICKETS, {ticket.id: score})
        for state in State:
            if state is not ticket.state:
                pipe.zrem(keys.tickets_in(ticket.model, state), ticket.id)
        pipe.zadd(keys.tickets_in(ticket.model, ticket.state), {ticket.id: score})
        pipe.execute()
        return ticket

    def recorded(self) -> list[str]:
        """Ids of all tickets in the record."""
        return [name for name in self._objects.folders("tickets/") if name]


def _summary(data: str) -> Ticket:
    document = json.loads(data)
    return Ticket(**{**document, "state": State(document["state"])})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
