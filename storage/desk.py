"""What people do with tickets: submit, approve, deny, cancel, retry. Pages and CLI both call it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from storage import keys, names
from storage.errors import BadInput, LetheError
from storage.images import BadPhoto, decode
from storage.photos import Photo
from storage.queue import Queue
from storage.record import Record
from storage.request import Request
from storage.states import BadTransition, State
from storage.tickets import Ticket

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
        return self._record.tickets.submit(ticket, request, actor, {"manifest": manifest})

    def approve(self, ticket: str, actor: str, note: str = "") -> Ticket:
        moved = self._record.tickets.move(ticket, State.APPROVED, actor, note=note)
        self._queue.prepare(ticket)
        return moved

    def deny(self, ticket: str, actor: str, note: str) -> Ticket:
        moved = self._record.tickets.move(ticket, State.DENIED, actor, note=note)
        self._record.photos.remove(ticket)
        return moved

    def cancel(self, ticket: str, actor: str, note: str = "") -> Ticket:
        moved = self._record.tickets.move(ticket, State.CANCELLED, actor, note=note)
        self._record.photos.remove(ticket)
        # What a killed worker left was trained with the photos; the next run is another one.
        self._record.objects.remove_all(keys.run(moved.model))
        return moved

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
