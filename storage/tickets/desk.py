"""What people do with tickets: submit, approve, deny, cancel, retry. Pages and CLI both call it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date

from redis.exceptions import RedisError

from storage import keys, names
from storage.errors import BadInput, LetheError
from storage.models.policy import Approval
from storage.queue import LOOK_SECONDS, Queue
from storage.record import Record
from storage.tickets.deadlines import check_extension
from storage.tickets.events import Notice
from storage.tickets.photos import Photo, manifest_of
from storage.tickets.registry import Check, NoSuchTicket
from storage.tickets.request import Request
from storage.tickets.retention import remove_photos
from storage.tickets.states import BadTransition, State
from storage.tickets.ticket import Ticket

POLICY = "policy"  # who approves where nobody has to
MIN_PHOTOS = 3  # two that forget and one that judges
RETRIED = frozenset({State.FAILED, State.NEEDS_REVIEW})


class BadPhotos(BadInput):
    """Photos that cannot be accepted; one line for each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)


class FourEyes(BadInput):
    """Who submitted a ticket cannot approve it."""


class Desk:
    def __init__(self, record: Record, queue: Queue) -> None:
        self._record = record
        self._queue = queue

    def submit(
        self,
        request: Request,
        photos: Sequence[Photo],
        actor: str,
        ticket: str | None = None,
        is_first: Callable[[], bool] = lambda: False,
    ) -> Ticket:
        """The ticket, once it and its photos are in the object store.

        Args:
            ticket: an id that was chosen before. Whoever sends it a second time gets the ticket
                that the first time made.
            is_first: whether nobody can have sent it before, so that the record need not be asked;
                called with the ticket's lock held.

        Raises:
            BadPhotos: a file is no usable picture, or there are fewer than three.
            NoSuchModel, BadName
        """
        if ticket is None:
            return self._approved(self._accept(names.new_ticket_id(), request, photos, actor))
        with self._record.tickets.lock(ticket):
            is_new = is_first()
            found = None if is_new else self._sent_before(ticket, actor)
            if found is None:
                if not is_new and self._record.photos.drafted(ticket):
                    raise BadInput(f"ticket {ticket}: is a draft; submit it from its page")
                found = self._accept(ticket, request, photos, actor)
        return self._approved(found)

    def submit_enrolled(
        self,
        request: Request,
        face_set: str,
        person: str,
        actor: str,
        ticket: str | None = None,
        is_first: Callable[[], bool] = lambda: False,
    ) -> Ticket:
        """As ``submit``, with the photos of a person who is enrolled in a face set.

        Raises:
            NotEnrolled, NoPeople, NoSuchFaceSet, BadPhotos, NoSuchModel, BadName
        """
        photos = self._record.enrolled.photos(request.model, face_set, person)
        return self.submit(replace(request, photos=len(photos)), photos, actor, ticket, is_first)

    def submit_draft(self, ticket: str, request: Request, actor: str) -> Ticket:
        """As ``submit``, with the photos of somebody's draft; once, however often it is sent.

        Raises:
            NoSuchDraft: it is nobody's, or somebody else's.
            BadPhotos: fewer than three photos.
            NoSuchModel, BadName
        """
        record = self._record
        with record.tickets.lock(ticket):
            found = self._sent_before(ticket, actor)
            if found is None:
                draft = record.drafts.held(ticket, actor)
                record.known_models.check_current(request.model)
                listed = [(photo.name, photo.sha256) for photo in draft.photos]
                _check_count([digest for _, digest in listed])
                asked = replace(request, photos=len(listed))
                asked.document()  # refuses bad names before anything is written
                manifest = record.photos.keep_list(ticket, listed)
                found = record.tickets.submit(ticket, asked, actor, {"manifest": manifest})
                with suppress(LetheError):  # its photos' prefix keeps the rest, and goes in the end
                    record.drafts.close(draft)
        return self._approved(found)

    def look(self, ticket: str) -> None:
        """Has a worker look at a draft's photos: one look is under way, one waits, no more."""
        redis = self._record.redis
        if not self._record.leases.held("look", ticket) and redis.set(
            keys.look_asked(ticket), 1, nx=True, ex=LOOK_SECONDS
        ):
            self._queue.look(ticket)

    def _sent_before(self, ticket: str, actor: str) -> Ticket | None:
        """
        Raises:
            NoSuchTicket: it is somebody else's; whether it is there is not for others to know.
        """
        try:
            found = self._record.tickets.load(ticket)
        except NoSuchTicket:
            return None
        if found.submitted_by != actor:
            raise NoSuchTicket(f"ticket {ticket}: there is none of this id")
        return found

    def _accept(self, ticket: str, request: Request, photos: Sequence[Photo], actor: str) -> Ticket:
        self._record.known_models.check_current(request.model)
        request.document()  # refuses bad names before anything is written
        self._check(photos)
        try:
            manifest = self._record.photos.keep(ticket, photos)
        except LetheError:
            with suppress(LetheError):  # a store that is gone altogether keeps what it has
                self._record.photos.remove(ticket)
            raise
        return self._record.tickets.submit(ticket, request, actor, {"manifest": manifest})

    def _approved(self, ticket: Ticket) -> Ticket:
        """The ticket, approved where nobody has to."""
        if ticket.state is not State.SUBMITTED or self._record.settings.four_eyes:
            return ticket
        if self._record.models.policy(ticket.model).approval is Approval.AUTOMATIC:
            with suppress(RedisError):  # it is accepted; without Redis it waits for an approver
                return self.approve(ticket.id, POLICY, "the model's policy approves")
        return ticket

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
        """
        Raises:
            FourEyes: they submitted it themselves, and LETHE_FOUR_EYES is on.
            NoSuchTicket, BadTransition
        """

        def check(found: Ticket) -> None:
            if not self.may_approve(found, actor):
                raise FourEyes(
                    f"ticket {ticket}: {actor} submitted it, and somebody else must approve it "
                    "(LETHE_FOUR_EYES)"
                )

        return self._approve(ticket, actor, note, check)

    def may_approve(self, ticket: Ticket, actor: str) -> bool:
        """Whether four-eyes, where it is on, lets ``actor`` approve it."""
        return not self._record.settings.four_eyes or ticket.submitted_by != actor

    def _approve(self, ticket: str, actor: str, note: str, check: Check | None = None) -> Ticket:
        moved = self._record.tickets.move(ticket, State.APPROVED, actor, note=note, check=check)
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

        def check(found: Ticket) -> None:
            if not found.open:
                raise BadTransition(
                    f"ticket {ticket} is {found.state} and has no deadline any more"
                )
            check_extension(found, deadline)

        data = {"deadline": deadline.isoformat(), "note": why}
        return self._record.tickets.note(ticket, Notice.EXTENDED, actor, data, check)

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
        selection = self._record.photos.selection(ticket)
        prepared = selection is not None and selection.forget  # of what needed photos, none is
        self._record.redis.delete(keys.attempts(ticket), keys.rest(ticket))
        if prepared:
            moved = self._record.tickets.move(ticket, State.QUEUED, actor, note="retry")
            self._queue.erase(moved.model)
            return moved
        return self._approve(ticket, actor, note="retry")  # somebody approved it before

    def _check(self, photos: Sequence[Photo]) -> None:
        _, refused = self._record.photos.sorted_out(photos)
        if refused:
            raise BadPhotos([str(error) for error in refused])
        _check_count([photo.sha256 for photo in photos])


def _check_count(photos: Sequence[str]) -> None:
    """
    Raises:
        BadPhotos: too few different ones, by their SHA-256.
    """
    if len(set(photos)) < MIN_PHOTOS:
        raise BadPhotos([f"{len(photos)} photos: at least {MIN_PHOTOS} different ones are needed"])
