"""The subject's photos: kept with a ticket while it needs them, then gone in every version."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from storage import names, object_names
from storage.canonical import SHA256, Corrupt, Document, sha256
from storage.errors import BadInput
from storage.settings import Settings
from storage.store.objects import ObjectMissing, ObjectStore
from storage.tickets.events import Event
from storage.uploads.images import BadPhoto, Pixels, decode, encode_png

_CROP_PIXELS = 4096 * 4096  # our own crops; far above any recogniser's input


@dataclass(frozen=True)
class Photo:
    name: str  # the file's name as it came; kept beside the photo alone, never in the events
    data: bytes
    sound: bool = False  # it was decoded before, and is still the same by its digest

    @cached_property
    def sha256(self) -> str:
        return sha256(self.data)


@dataclass(frozen=True)
class Selection:
    """What preparation found: digests of crops, and who was refused and why."""

    forget: tuple[str, ...]
    held_out: tuple[str, ...]
    refused: tuple[tuple[str, str, str], ...]  # photo's name, reason, line for the user

    def document(self) -> Document:
        return {
            "forget": list(self.forget),
            "held_out": list(self.held_out),
            "refused": [list(item) for item in self.refused],
        }


class TicketPhotos:
    def __init__(self, objects: ObjectStore, settings: Settings) -> None:
        self._objects = objects
        self._settings = settings

    def sorted_out(self, photos: Sequence[Photo]) -> tuple[list[Photo], list[BadPhoto]]:
        """Those that are pictures, and why the others are not."""
        config, pictures, refused = self._settings, [], []
        for photo in photos:
            try:
                if not photo.sound:
                    limits = {"max_bytes": config.photo_bytes, "max_pixels": config.photo_pixels}
                    decode(photo.data, photo.name, **limits)
                pictures.append(photo)
            except BadPhoto as error:
                refused.append(error)
        return pictures, refused

    def keep(self, ticket: str, photos: Sequence[Photo]) -> str:
        """Writes the photos; returns the digest of their list."""
        if len(photos) > self._settings.photos_per_ticket:
            limit = self._settings.photos_per_ticket
            raise BadInput(f"{len(photos)} photos: at most {limit} a ticket; leave some out")
        for photo in photos:
            self._objects.put(object_names.photo(names.ticket_id(ticket), photo.sha256), photo.data)
        return self.keep_list(ticket, [(photo.name, photo.sha256) for photo in photos])

    def keep_list(self, ticket: str, listed: Sequence[tuple[str, str]]) -> str:
        """Writes the salted list of photos that are there, by name and SHA-256; returns its digest.

        The salt goes with the photos, so what stays in the events cannot be used to ask
        whether a picture at hand was among them.
        """
        manifest = {
            "salt": secrets.token_hex(32),
            "photos": [{"sha256": digest, "name": kept_name(name)} for name, digest in listed],
        }
        return self._objects.put_document(
            object_names.photo_manifest(names.ticket_id(ticket)), manifest
        )

    def all(self, ticket: str, manifest: str | None = None) -> list[Photo]:
        """
        Args:
            manifest: the list's digest, as the ticket's events have it.

        Raises:
            Corrupt: a photo, or the list of them, is not what was submitted.
        """
        name = object_names.photo_manifest(names.ticket_id(ticket))
        return [
            Photo(photo, self._objects.get(object_names.photo(ticket, digest), digest))
            for photo, digest in _listed(self._objects.get_document(name, manifest), name)
        ]

    def keep_crop(self, ticket: str, pixels: Pixels) -> str:
        data = encode_png(pixels)
        self._objects.put(
            object_names.crop(names.ticket_id(ticket), sha256(data)), data, "image/png"
        )
        return sha256(data)

    def crop(self, ticket: str, digest: str) -> Pixels:
        if not SHA256.fullmatch(digest):
            raise Corrupt(
                f"{object_names.selection(names.ticket_id(ticket))}: names no crop by its digest"
            )
        data = self._objects.get(object_names.crop(ticket, digest), digest)
        return decode(data, "crop", max_bytes=len(data), max_pixels=_CROP_PIXELS)

    def keep_selection(self, ticket: str, selection: Selection) -> None:
        self._objects.put_document(
            object_names.selection(names.ticket_id(ticket)), selection.document()
        )

    def selection(self, ticket: str) -> Selection | None:
        """What preparation found, or None before it and after the photos are gone."""
        name = object_names.selection(names.ticket_id(ticket))
        try:
            document = self._objects.get_document(name)
        except ObjectMissing:
            return None
        try:
            return Selection(
                _texts(document["forget"]),
                _texts(document["held_out"]),
                tuple((one, two, three) for one, two, three in map(_texts, document["refused"])),
            )
        except (KeyError, TypeError, ValueError):
            raise Corrupt(f"{name}: not a selection") from None

    def remove(self, ticket: str) -> int:
        """Removes all that shows the subject, every version of it; returns how many objects."""
        return self._objects.remove_all(object_names.photos(names.ticket_id(ticket)))

    def changed(self, ticket: str) -> datetime | None:
        """When the last of the photos was written; None where there are none."""
        return self._objects.changed(object_names.photos(names.ticket_id(ticket)))

    def drafted(self, ticket: str) -> bool:
        """Whether the photos are those of a draft."""
        return self._objects.exists(object_names.draft(names.ticket_id(ticket)))

    def left(self, ticket: str) -> int:
        """How many objects that show the subject are there, in whatever version."""
        return self._objects.left(object_names.photos(names.ticket_id(ticket)))


def manifest_of(events: Sequence[Event]) -> str:
    """The digest of the list of a ticket's photos, as the last event that brought photos has it.

    Raises:
        Corrupt: none of them did.
    """
    for event in reversed(events):
        if "manifest" in event.data:
            return str(event.data["manifest"])
    raise Corrupt(f"{events[0].name}: names no list of photos")


def _listed(manifest: Document, name: str) -> list[tuple[str, str]]:
    """Name and SHA-256 of each photo.

    Raises:
        Corrupt: the manifest is none, or names an object by something else.
    """
    try:
        found = [_texts([item["name"], item["sha256"]]) for item in manifest["photos"]]
    except (KeyError, TypeError):
        raise Corrupt(f"{name}: not a list of photos") from None
    if not all(SHA256.fullmatch(digest) for _, digest in found):
        raise Corrupt(f"{name}: not a list of photos and their SHA-256")
    return [(photo, digest) for photo, digest in found]


def _texts(items: object) -> tuple[str, ...]:
    """
    Raises:
        TypeError: not a list of strings.
    """
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise TypeError
    return tuple(items)


def kept_name(name: str) -> str:
    """A file's name that JSON can carry, whatever bytes the file system gave."""
    return name.encode("utf-8", "replace").decode()
