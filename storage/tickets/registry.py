"""Tickets: an append-only chain of events each, in the object store; an index of them in Redis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from redis.lock import Lock

from storage import keys, names, object_names
from storage.canonical import canonical, sha256
from storage.errors import BadInput, LetheError
from storage.locks import held
from storage.store.objects import ObjectExists, ObjectStore
from storage.tickets import ticket_search
from storage.tickets.announcements import Announcements
from storage.tickets.events import Event, Notice, chained
from storage.tickets.progress import ProgressBoard
from storage.tickets.request import Request
from storage.tickets.states import State, check_transition
from storage.tickets.ticket import Ticket
from storage.tickets.ticket_index import TicketIndex
from storage.tickets.ticket_search import Found, Order, Place, Wanted
from storage.traces import tracing

log = structlog.get_logger("storage.tickets")

Check = Callable[[Ticket], None]
LOCK_SECONDS = 5.0  # a mover that is killed holds up the next one for so long


class NoSuchTicket(BadInput):
    """There is no ticket of this id."""


class Overtaken(LetheError):
    """Somebody else appends to the ticket, or did so first."""


class Tickets:
    def __init__(self, objects: ObjectStore, redis: Redis) -> None:
        self._objects = objects
        self._redis = redis
        self._announcements = Announcements(redis)
        self.index = TicketIndex(redis)

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
        tracing.describe({"lethe.ticket": ticket, "lethe.model": request.model})
        tracing.remember(self._redis, ticket)
        return self._written(Ticket.replay([event]), event)

    def move(
        self,
        ticket: str,
        state: State,
        actor: str,
        *,
        note: str = "",
        result: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        check: Check | None = None,
    ) -> Ticket:
        """Appends an event that brings the ticket into ``state``.

        ``result`` is what the ticket shows from now on; ``data`` stays in the event alone.
        ``check`` raises where the ticket, as it is now, does not allow it.

        Raises:
            NoSuchTicket
            BadTransition: the table does not allow the step from where the ticket is now.
            Overtaken
        """
        kept = dict(data or {})
        if note:
            kept["note"] = note
        if result:
            kept["result"] = dict(result)
        return self._append(ticket, state, actor, kept, check)

    def note(
        self,
        ticket: str,
        notice: Notice,
        actor: str,
        data: Mapping[str, Any] | None = None,
        check: Check | None = None,
    ) -> Ticket:
        """Appends an event that leaves the ticket in its state. ``check``: as in ``move``.

        Raises:
            NoSuchTicket
        """
        return self._append(ticket, None, actor, {**(data or {}), "notice": str(notice)}, check)

    def _append(
        self,
        ticket: str,
        state: State | None,
        actor: str,
        data: dict[str, Any],
        check: Check | None,
    ) -> Ticket:
        with self.lock(ticket) as lock:
            events = self.events(ticket)
            last = events[-1]
            if check is not None:
                check(Ticket.replay(events))
            if state is not None:
                check_transition(ticket, last.state, state)
            event = Event(
                number=last.number + 1,
                ticket=ticket,
                state=state or last.state,
                at=_now(),
                actor=actor,
                previous=sha256(canonical(last.document())),
                data=data,
            )
            moved = Ticket.replay([*events, event])
            if not lock.owned():
                raise _overtaken(ticket)
            return self._written(moved, event)

    def _written(self, ticket: Ticket, event: Event) -> Ticket:
        """Writes the event. What it says is so from then on, with or without Redis."""
        self._announcements.add(event.name)
        try:
            self._objects.put_new(event.name, event.document())
        except ObjectExists:  # by somebody who took this one's lock for lost
            raise _overtaken(ticket.id) from None
        try:
            self.index.write(ticket)
            if not ticket.open:
                ProgressBoard(self._redis).clear(ticket.id)
        except RedisError as error:  # a sweep finds it; doing it again would do it twice
            log.warning("written, not indexed", ticket=ticket.id, why=str(error))
        return ticket

    def lock(self, ticket: str) -> AbstractContextManager[Lock]:
        """Held by whoever appends to a ticket, or makes its index anew."""
        return held(self._redis, keys.append_lock(names.ticket_id(ticket)), LOCK_SECONDS)

    def events(self, ticket: str) -> list[Event]:
        """All events of a ticket, their chain checked.

        Raises:
            NoSuchTicket
            Corrupt: an event is missing, altered or doubled.
        """
        names_ = sorted(self._objects.names(object_names.events(names.ticket_id(ticket))))
        if not names_:
            raise NoSuchTicket(f"ticket {ticket}: there is none of this id")
        read = ((name, self._objects.get(name)) for name in names_)
        return chained((name, Event.parse(data, name), sha256(data)) for name, data in read)

    def length(self, ticket: str) -> int:
        """How many events a ticket has."""
        return sum(1 for _ in self._objects.names(object_names.events(names.ticket_id(ticket))))

    def announce(self, event: Event) -> None:
        """Has the webhook's receiver told of an event that was written when nobody could."""
        self._announcements.add(event.name)

    def load(self, ticket: str) -> Ticket:
        """The ticket from the record."""
        return Ticket.replay(self.events(ticket))

    def get(self, ticket: str) -> Ticket:
        """The ticket from the index, or from the record where the index lacks it."""
        return self.index.get(names.ticket_id(ticket)) or self.reindex(ticket)

    def reindex(self, ticket: str) -> Ticket:
        """Writes the ticket into the index as the record has it."""
        found = self.load(ticket)
        self.index.write(found)
        return found

    def recent(
        self,
        *,
        model: str | None = None,
        state: State | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> list[Ticket]:
        """The newest tickets first; those that follow on ``after``, whatever state it is in now."""
        place = self.index.place(after) if after else None
        if after and place is None:
            return []
        wanted = Wanted(frozenset({state} if state else ()), model)
        return self.page(wanted, limit=limit, after=place, counted=False)[0]

    def page(
        self,
        wanted: Wanted,
        order: Order = Order.SUBMITTED,
        *,
        down: bool = True,
        limit: int = 100,
        after: Place | None = None,
        before: Place | None = None,
        counted: bool = True,
    ) -> tuple[list[Ticket], Found]:
        """A page of those that are wanted, and where it stands among all of them."""
        found = ticket_search.page(
            self._redis,
            wanted,
            order,
            down=down,
            limit=limit,
            after=after,
            before=before,
            counted=counted,
        )
        return self._all(found.ids), found

    def each(
        self, wanted: Wanted, order: Order = Order.SUBMITTED, *, down: bool = True, at_once: int
    ) -> Iterator[Ticket]:
        """All that are wanted; ``at_once`` of them are held in memory."""
        place: Place | None = None
        while True:
            found = ticket_search.search(
                self._redis, wanted, order, down=down, limit=at_once, after=place, counted=False
            )
            yield from self._all(found.ids)
            if not found.more:
                return
            place = found.last

    def archived(self, limit: int = 100) -> list[Ticket]:
        """Those that no list shows; who ended last comes first."""
        return self._all([str(id_) for id_ in self._redis.zrevrange(keys.ARCHIVED, 0, limit - 1)])

    def _all(self, ids: Sequence[str]) -> list[Ticket]:
        found = self.index.tickets(ids)
        return [ticket or self.get(id_) for id_, ticket in zip(ids, found, strict=True)]

    def waiting(self, model: str | None, state: State, limit: int | None = None) -> list[str]:
        """Ids of tickets in a state, of a model or of all; the earliest submitted first."""
        return self.index.waiting(model, state, limit)

    def count(self, model: str | None, state: State) -> int:
        return self.index.count(model, state)

    def by_state(self) -> dict[State, int]:
        """Tickets of all models; each state in it."""
        return self.index.by_state()

    def counts(self) -> Counter[tuple[str, State]]:
        """Tickets by model and state."""
        return self.index.counts()

    def recorded(self) -> list[str]:
        """Ids of all tickets in the record."""
        return [name for name in self._objects.folders(object_names.TICKET_FOLDERS) if name]


def _overtaken(ticket: str) -> Overtaken:
    return Overtaken(f"ticket {ticket}: somebody else moved it just now; look at it and try again")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
