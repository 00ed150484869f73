"""Uploads: bounded before they are read, kept by werkzeug in temporary files while they come."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import IO

from flask import Flask, request
from werkzeug.datastructures import FileStorage

from storage.settings import MIB, Settings
from storage.tickets.desk import BadPhotos
from storage.tickets.photos import Photo
from storage.uploads.archives import MOST_BYTES, BadArchive, Limits, is_archive, photos_in

FORM_BYTES = MIB  # of any form without photos
_UPLOADS = {"new_ticket.create", "drafts.submit", "draft_photos.add", "tickets.add_photos"}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def install(app: Flask, settings: Settings) -> None:
    app.config["MAX_FORM_PARTS"] = 2 * settings.photos_per_ticket + 20
    app.config["MAX_CONTENT_LENGTH"] = FORM_BYTES

    def widen() -> None:
        if request.endpoint in _UPLOADS:
            request.max_content_length = upload_bytes(settings)
        if request.endpoint == "model_import.create":
            request.max_content_length = settings.model_bytes + FORM_BYTES

    app.before_request(widen)


def upload_bytes(settings: Settings) -> int:
    """Bytes of one upload at most."""
    return min(settings.photos_per_ticket * settings.photo_bytes + FORM_BYTES, MOST_BYTES)


def photos(files: Sequence[FileStorage], settings: Settings) -> list[Photo]:
    """The photos of a form and of the archives in it, each named as its file was.

    Raises:
        BadPhotos: more than a ticket takes, or an archive that cannot be used.
    """
    chosen = [file for file in files if file.filename]
    _check_count(len(chosen), settings)
    found: list[Photo] = []
    left = MOST_BYTES
    for file in chosen:
        photos = _photos(file.stream, _base_name(file.filename or ""), settings, left)
        left -= sum(len(photo.data) for photo in photos)
        found += photos
        _check_count(len(found), settings)
    return found


def _photos(file: IO[bytes], name: str, settings: Settings, left: int) -> list[Photo]:
    if not is_archive(name):
        return [Photo(name, file.read())]
    try:
        return photos_in(file, name, replace(Limits.of(settings), bytes=left))
    except BadArchive as refusal:
        raise BadPhotos([str(refusal)]) from None


def _check_count(count: int, settings: Settings) -> None:
    limit = settings.photos_per_ticket
    if count > limit:
        raise BadPhotos([f"{count} photos: at most {limit} a ticket; leave some out"])


def _base_name(name: str) -> str:
    """The last part of a path of any system, printable, at most 200 characters."""
    last = re.split(r"[/\\]", name)[-1]
    return _UNPRINTABLE.sub("", last)[:200] or "photo"
