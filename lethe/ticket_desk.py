"""Where `lethe tickets` takes its tickets to: the installation beside it, or a server elsewhere."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from storage.errors import BadInput
from storage.faces.sets import read_photos
from storage.queue import Queue
from storage.record import Record
from storage.tickets.desk import Desk
from storage.tickets.events import Event
from storage.tickets.photos import Photo
from storage.tickets.request import LegalGround, Request, default_deadline
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from storage.uploads.archives import Limits, is_archive, photos_in


@dataclass(frozen=True)
class Submission:
    """What a new ticket is about; ``source``, or the person of a face set."""

    model: str
    subject: str
    legal_ground: LegalGround
    deadline: date | None
    source: Path | None = None  # a folder or an archive of photos
    face_set: str = ""
    person: str = ""


@dataclass(frozen=True)
class Wanted:
    """Which tickets a list shows."""

    state: State | None
    model: str | None
    limit: int
    after: str | None
    archived: bool


@dataclass(frozen=True)
class Shown:
    """Where the work on a ticket is; ``fraction`` is 0…1 of the stage."""

    state: State
    fraction: float
    text: str


class TicketDesk(Protocol):
    def submit(self, asked: Submission) -> Ticket: ...
    def show(self, ticket: str) -> tuple[Ticket, list[Event]]: ...
    def progress(self, ticket: str) -> Shown: ...
    def recent(self, wanted: Wanted) -> Sequence[Ticket]: ...
    def add_photos(self, ticket: str, source: Path) -> Ticket: ...
    def approve(self, ticket: str) -> Ticket: ...
    def deny(self, ticket: str, reason: str) -> Ticket: ...
    def cancel(self, ticket: str, reason: str) -> Ticket: ...
    def retry(self, ticket: str) -> Ticket: ...
    def extend(self, ticket: str, deadline: date, reason: str) -> Ticket: ...
    def archive(self, ticket: str, reason: str) -> Ticket: ...
    def restore(self, ticket: str, reason: str) -> Ticket: ...


class LocalDesk:
    """The desk over the record itself; whoever runs the command is who did it."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._desk = Desk(record, Queue(record.settings))
        self._actor = getpass.getuser()

    def submit(self, asked: Submission) -> Ticket:
        due = asked.deadline or default_deadline(self._record.settings.deadline_days)
        photos = self._photos(asked.source) if asked.source else []
        request = Request(asked.model, asked.subject, asked.legal_ground, due, len(photos))
        if asked.source:
            return self._desk.submit(request, photos, self._actor)
        return self._desk.submit_enrolled(request, asked.face_set, asked.person, self._actor)

    def show(self, ticket: str) -> tuple[Ticket, list[Event]]:
        events = self._record.tickets.events(ticket)
        return Ticket.replay(events), events

    def progress(self, ticket: str) -> Shown:
        found = self._record.tickets.get(ticket)
        progress = self._record.progress.read(ticket)
        if progress and progress.stage == found.state:
            return Shown(found.state, progress.fraction, progress.text)
        return Shown(found.state, 0.0, "")

    def recent(self, wanted: Wanted) -> Sequence[Ticket]:
        kept = self._record.tickets
        if wanted.archived:
            return kept.archived(wanted.limit)
        return kept.recent(
            model=wanted.model, state=wanted.state, limit=wanted.limit, after=wanted.after
        )

    def add_photos(self, ticket: str, source: Path) -> Ticket:
        return self._desk.add_photos(ticket, self._photos(source), self._actor)

    def approve(self, ticket: str) -> Ticket:
        return self._desk.approve(ticket, self._actor)

    def deny(self, ticket: str, reason: str) -> Ticket:
        return self._desk.deny(ticket, self._actor, reason)

    def cancel(self, ticket: str, reason: str) -> Ticket:
        return self._desk.cancel(ticket, self._actor, reason)

    def retry(self, ticket: str) -> Ticket:
        return self._desk.retry(ticket, self._actor)

    def extend(self, ticket: str, deadline: date, reason: str) -> Ticket:
        return self._desk.extend(ticket, deadline, self._actor, reason)

    def archive(self, ticket: str, reason: str) -> Ticket:
        return self._desk.archive(ticket, self._actor, reason)

    def restore(self, ticket: str, reason: str) -> Ticket:
        return self._desk.restore(ticket, self._actor, reason)

    def _photos(self, source: Path) -> list[Photo]:
        files = given_files(source)
        if source.is_dir():
            return [Photo(path.name, path.read_bytes()) for path in files]
        with source.open("rb") as file:
            return photos_in(file, str(source), Limits.of(self._record.settings))


def given_files(source: Path) -> list[Path]:
    """The photos right in a folder, or the one archive.

    Raises:
        BadInput: neither of the two.
    """
    if source.is_dir():
        return read_photos(source)
    if not is_archive(source.name) or not source.is_file():
        raise BadInput(
            f"{source}: not a folder, and no archive; give one that holds the subject's photos"
        )
    return [source]
