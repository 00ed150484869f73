"""What people do with tickets: submit, approve, deny, cancel, retry. Pages and CLI both call it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date

from redis.exceptions import RedisError

from storage import keys, names
from storage.deadlines import check_extension
from storage.errors import BadInput, LetheError
from storage.events import Notice
from storage.images import BadPhoto, decode
from storage.model_policy import Approval
from storage.photos import Photo, manifest_of
from storage.queue import Queue
from storage.record import Record
from storage.request import Request
from storage.retention import remove_photos
from storage.states import BadTransition, State
from storage.ticket import Ticket

POLICY = "policy"  # who approves where nobody has to
MIN_PHOTOS = 3  # two that forget and one that judges
RETRIED = frozenset({State.FAILED, State.NEEDS_REVIEW})


class BadPhotos(BadInput):
    """Photos that cannot be accepted; one line for each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)


class Desk:
    def __init__(self, record: Record, queue: Queue) -> None:
        self._record = record
        self._queue = queue

    def submit(self, request: Request, photos: Sequence[Photo], actor: str) -> Ticket:
        """The ticket, once it and its photos are in the object store.

        Raises:
            BadPhotos: a file is no usable picture, or there are fewer than three.
            NoSuchModel, BadName
        """
        self._record.models.find(request.model)
        request.document()  # refuses bad names before anything is written
        self._check(photos)
        ticket = names.new_ticket_id()
        try:
            manifest = self._record.photos.keep(ticket, photos)
        except LetheError:
            with suppress(LetheError):  # a store that is gone altogether keeps what it has
                self._record.photos.remove(ticket)
            raise
        accepted = self._record.tickets.submit(ticket, request, actor, {"manifest": manifest})
        if self._record.models.policy(request.model).approval is Approval.AUTOMATIC:
            with suppress(RedisError):  # it is accepted; without Redis it waits for an approver
                return self.approve(ticket, POLICY, "the model's policy approves")
        return accepted

    def add_photos(self, ticket: str, photos: Sequence[Photo], actor: str) -> Ticket:
        """Takes more photos for a ticket that needs them, and has all of them prepared.

        Raises:
            BadPhotos, NoSuchTicket
            BadTransition: it does not need photos.
        """
        record = self._record
        events = record.tickets.events(ticket)
        if events[-1].state is not State.NEEDS_PHOTOS:
            raise BadTransition(f"ticket {ticket} is {events[-1].state} and needs no photos")
        before = record.photos.all(ticket, manifest_of(events))
        known = {photo.sha256 for photo in before}
        together = before + [photo for photo in photos if photo.sha256 not in known]
        if len(together) == len(before):
            raise BadPhotos([f"ticket {ticket}: has each of these photos already; give others"])
        self._check(together)
        data = {"manifest": record.photos.keep(ticket, together), "photos": len(together)}
        moved = record.tickets.move(
            ticket, State.APPROVED, actor, note="more photos were given", data=data
        )
        self._queue.prepare(ticket)
        return moved

    def approve(self, ticket: str, actor: str, note: str = "") -> Ticket:
        moved = self._record.tickets.move(ticket, State.APPROVED, actor, note=note)
        self._queue.prepare(ticket)
        return moved

    def deny(self, ticket: str, actor: str, note: str) -> Ticket:
        self._record.tickets.move(ticket, State.DENIED, actor, note=note)
        remove_photos(self._record, ticket)
        return self._record.tickets.get(ticket)

    def cancel(self, ticket: str, actor: str, note: str = "") -> Ticket:
        """A worker that is at it stops at its next step; what a killed one left of the run, the
        next sweep removes."""
        self._record.tickets.move(ticket, State.CANCELLED, actor, note=note)
        remove_photos(self._record, ticket)
        return self._record.tickets.get(ticket)

    def extend(self, ticket: str, deadline: date, actor: str, why: str) -> Ticket:
        """Puts a ticket's deadline off, within what GDPR Art. 12(3) allows.

        Raises:
            BadDeadline, NoSuchTicket
            BadTransition: it has ended.
        """
        found = self._record.tickets.load(ticket)
        if not found.open:
            raise BadTransition(f"ticket {ticket} is {found.state} and has no deadline any more")
        check_extension(found, deadline)
        data = {"deadline": deadline.isoformat(), "note": why}
        return self._record.tickets.note(ticket, Notice.EXTENDED, actor, data)

    def archive(self, ticket: str, actor: str, why: str = "") -> Ticket:
        """Takes an ended ticket out of the lists; the record keeps it.

        Raises:
            NoSuchTicket
            BadTransition: it has not ended.
        """
        return self._show(ticket, Notice.ARCHIVED, actor, why)

    def restore(self, ticket: str, actor: str, why: str = "") -> Ticket:
        """Puts an archived ticket back into the lists."""
        return self._show(ticket, Notice.RESTORED, actor, why)

    def _show(self, ticket: str, notice: Notice, actor: str, why: str) -> Ticket:
        found = self._record.tickets.load(ticket)
        if found.open:
            raise BadTransition(f"ticket {ticket} is {found.state}; only ended ones are archived")
        if found.archived is (notice is Notice.ARCHIVED):
            return found
        return self._record.tickets.note(ticket, notice, actor, {"note": why} if why else {})

    def retry(self, ticket: str, actor: str) -> Ticket:
        """Puts a failed or refused ticket back to where its work goes on.

        Raises:
            NoSuchTicket
            BadTransition: it is neither, or failed before anybody approved it.
        """
        states = [event.state for event in self._record.tickets.events(ticket)]
        if states[-1] not in RETRIED:
            raise BadTransition(
                f"ticket {ticket} is {states[-1]} and cannot be retried; "
                f"only a ticket that is {' or '.join(sorted(RETRIED))} can"
            )
        if State.APPROVED not in states:
            raise BadTransition(f"ticket {ticket} was never approved; approve it instead")
        prepared = self._record.photos.selection(ticket) is not None
        self._record.redis.delete(keys.attempts(ticket), keys.rest(ticket))
        if prepared:
            moved = self._record.tickets.move(ticket, State.QUEUED, actor, note="retry")
            self._queue.erase(moved.model)
            return moved
        return self.approve(ticket, actor, note="retry")

    def _check(self, photos: Sequence[Photo]) -> None:
        settings = self._record.settings
        lines = []
        for photo in photos:
            try:
                decode(
                    photo.data,
                    photo.name,
                    max_bytes=settings.photo_bytes,
                    max_pixels=settings.photo_pixels,
                )
            except BadPhoto as error:
                lines.append(str(error))
        if not lines and len({photo.sha256 for photo in photos}) < MIN_PHOTOS:
            lines = [f"{len(photos)} photos: at least {MIN_PHOTOS} different ones are needed"]
        if lines:
            raise BadPhotos(lines)
