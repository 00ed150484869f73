"""Drafts: tickets before they are submitted, whole under the prefix of their photos.

Whoever changes a draft holds its ticket's lock: of two who send, one submits and the other finds
the ticket, and no photo comes into a draft that was discarded meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from storage import names, object_names
from storage.canonical import SHA256, Corrupt
from storage.errors import BadInput
from storage.settings import MIB, Settings
from storage.store.errors import StoreUnavailable
from storage.store.objects import ObjectMissing, ObjectStore
from storage.tickets.draft import FIELD_LENGTH, FIELDS, Draft, DraftPhoto, Look
from storage.tickets.photos import Photo, TicketPhotos, kept_name
from storage.tickets.registry import Tickets
from storage.uploads.archives import MOST_BYTES
from storage.uploads.images import BadPhoto, Reason


class NoSuchDraft(BadInput):
    """There is no draft of this id, or it is somebody else's."""


class TooManyDrafts(BadInput):
    """Whoever wants one more has as many as one may have."""


class Drafts:
    def __init__(
        self, objects: ObjectStore, photos: TicketPhotos, tickets: Tickets, settings: Settings
    ) -> None:
        self._objects = objects
        self._photos = photos
        self._tickets = tickets
        self._settings = settings

    def begin(self, owner: str, fields: Mapping[str, str]) -> Draft:
        """
        Raises:
            TooManyDrafts
        """
        limit = self._settings.drafts_per_user
        if len(self.of(owner)) >= limit:
            raise TooManyDrafts(f"{limit} drafts are open: submit or discard one of them first")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        draft = Draft(names.new_ticket_id(), owner, now, _fields(fields))
        self._objects.put_document(
            object_names.draft_of(owner, draft.ticket), {"ticket": draft.ticket}
        )
        self._write(draft)
        return draft

    def read(self, ticket: str) -> Draft | None:
        """A draft for workers, who may see everybody's; None where there is none, or no more."""
        try:
            return self._read(ticket)
        except (Corrupt, StoreUnavailable):  # some stores show half of what is being written over
            with self._tickets.lock(ticket):
                return self._read(ticket)

    def _read(self, ticket: str) -> Draft | None:
        name = object_names.draft(names.ticket_id(ticket))
        try:
            draft = Draft.parse(ticket, self._objects.get_document(name), name)
        except ObjectMissing:
            return None
        return None if self._tickets.length(ticket) else draft  # it was submitted

    def get(self, ticket: str, owner: str) -> Draft:
        """
        Raises:
            NoSuchDraft
        """
        return _own(self.read(ticket), ticket, owner)

    def held(self, ticket: str, owner: str) -> Draft:
        """As ``get``, for whoever holds the ticket's lock.

        Raises:
            NoSuchDraft, Corrupt, StoreUnavailable
        """
        return _own(self._read(ticket), ticket, owner)

    def of(self, owner: str) -> list[Draft]:
        """Somebody's drafts, the latest begun first."""
        folder = object_names.drafts_of(names.user_name(owner))
        found = []
        for name in list(self._objects.names(folder)):
            ticket = name.removeprefix(folder).removesuffix(".json")
            try:
                found.append(self.get(ticket, owner))
            except NoSuchDraft:  # submitted, or removed by a sweep
                self._objects.remove_all(name)
            except (Corrupt, names.BadName):  # one that cannot be read must not hide the others
                continue
        return sorted(found, key=lambda draft: draft.begun, reverse=True)

    def fill(self, ticket: str, owner: str, fields: Mapping[str, str]) -> Draft:
        """Keeps the form's fields as they are typed.

        Raises:
            NoSuchDraft
        """
        with self._changing(ticket, owner) as draft:
            filled = replace(draft, fields=_fields(fields))
            self._write(filled)
        return filled

    def add(self, ticket: str, owner: str, photos: Sequence[Photo]) -> tuple[Draft, list[BadPhoto]]:
        """Takes photos in, and says of which it does not and why.

        Raises:
            NoSuchDraft
            BadInput: too many, or too large together.
        """
        self.get(ticket, owner)  # before anything of a stranger's is decoded
        sound, refused = self._photos.sorted_out(photos)
        with self._changing(ticket, owner) as draft:
            for photo in sound:
                listed = DraftPhoto(kept_name(photo.name), photo.sha256, len(photo.data))
                if listed.sha256 in {known.sha256 for known in draft.photos}:
                    why = "the same file was chosen before; each photo counts once"
                    refused.append(BadPhoto(photo.name, Reason.DUPLICATE, why))
                    continue
                draft = replace(draft, photos=(*draft.photos, listed))
                self._check_room(draft)
                self._objects.put(object_names.photo(ticket, listed.sha256), photo.data)
                self._write(draft)
        return draft, refused

    def take_out(self, ticket: str, owner: str, sha256: str) -> Draft:
        """Removes one photo.

        Raises:
            NoSuchDraft, BadInput
        """
        if not SHA256.fullmatch(sha256):
            raise BadInput("a photo is named by its SHA-256, 64 hexadecimal digits")
        with self._changing(ticket, owner) as draft:
            left = tuple(photo for photo in draft.photos if photo.sha256 != sha256)
            draft = replace(draft, photos=left)
            self._write(draft)
            self._objects.remove_all(object_names.photo(ticket, sha256))
        return draft

    def discard(self, ticket: str, owner: str) -> None:
        """Removes the draft with its photos, every version of them.

        Raises:
            NoSuchDraft
        """
        with self._changing(ticket, owner):
            self.remove(ticket)

    def remove(self, ticket: str) -> int:
        """Removes all of what never became a ticket, whosever it was; returns how many objects.

        The caller holds the ticket's lock.
        """
        name = object_names.draft(names.ticket_id(ticket))
        try:
            owner = names.user_name(self._objects.get_document(name)["owner"])
        except (ObjectMissing, Corrupt, KeyError, TypeError, names.BadName):
            return self._photos.remove(ticket)
        removed = self._photos.remove(ticket)
        self._objects.remove_all(object_names.draft_of(owner, ticket))
        return removed

    def close(self, draft: Draft) -> None:
        """Removes what a submitted ticket does not need; its photos stay."""
        for name in (
            object_names.draft(draft.ticket),
            object_names.look(draft.ticket),
            object_names.draft_of(draft.owner, draft.ticket),
        ):
            self._objects.remove_all(name)

    def keep_look(self, ticket: str, look: Look) -> None:
        """Keeps what a worker saw, where the draft still is one."""
        with self._tickets.lock(ticket):
            if self._read(ticket) is not None:
                self._objects.put_document(object_names.look(ticket), look.document())

    def look(self, draft: Draft) -> Look | None:
        """What a worker saw last; None where none has looked with the draft's model."""
        name = object_names.look(draft.ticket)
        try:
            look = Look.parse(self._objects.get_document(name), name)
        except (ObjectMissing, Corrupt):  # the next look replaces what cannot be read
            return None
        return look if look.model == draft.model else None

    def photo(self, draft: Draft, photo: DraftPhoto) -> bytes:
        return self._objects.get(object_names.photo(draft.ticket, photo.sha256), photo.sha256)

    def _check_room(self, draft: Draft) -> None:
        """
        Raises:
            BadInput
        """
        most = self._settings.photos_per_ticket
        if len(draft.photos) > most:
            raise BadInput(f"more than {most} photos: so many a ticket takes; leave some out")
        if draft.bytes > MOST_BYTES:
            limit = MOST_BYTES // MIB
            raise BadInput(f"more than {limit} MiB of photos: leave some out, or resize them")

    @contextmanager
    def _changing(self, ticket: str, owner: str) -> Iterator[Draft]:
        """
        Raises:
            NoSuchDraft
        """
        with self._tickets.lock(ticket):
            yield self.held(ticket, owner)

    def _write(self, draft: Draft) -> None:
        self._objects.put_document(object_names.draft(draft.ticket), draft.document())


def _own(draft: Draft | None, ticket: str, owner: str) -> Draft:
    if draft is None or draft.owner != owner:
        raise NoSuchDraft(f"draft {ticket}: you have none of this id; it may be submitted")
    return draft


def _fields(given: Mapping[str, str]) -> dict[str, str]:
    """The form's fields alone, in the length that is kept."""
    return {name: kept_name(given.get(name, ""))[:FIELD_LENGTH] for name in FIELDS}
