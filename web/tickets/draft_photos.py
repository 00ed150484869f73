"""A draft as its page's script sees it: begun, filled in, photos added and taken out; all JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from storage.errors import BadInput
from storage.tickets.desk import BadPhotos
from storage.tickets.draft import FIELDS, Draft
from web import uploads
from web.accounts.signed_in import me
from web.services import record
from web.tickets.draft_answers import answers, not_taken
from web.tickets.new_ticket import named

pages = Blueprint("draft_photos", __name__)


@pages.post("/tickets/drafts")
def begin() -> tuple[Response, int]:
    draft = record().drafts.begin(me().name, _fields())
    return jsonify(draft=draft.ticket, urls=urls(draft)), 201


@pages.post("/tickets/drafts/<ticket>/fields")
def fill(ticket: str) -> Response:
    return _answer(record().drafts.fill(ticket, me().name, _fields()))


@pages.get("/tickets/drafts/<ticket>/photos")
def show(ticket: str) -> Response:
    return _answer(record().drafts.get(ticket, me().name))


@pages.post("/tickets/drafts/<ticket>/photos")
def add(ticket: str) -> Response:
    """Photos and archives of them, in the field ``photos``; one request may bring one alone."""
    draft = record().drafts.get(ticket, me().name)
    try:
        photos = uploads.photos(request.files.getlist("photos"), record().settings)
    except BadPhotos as error:  # an archive that cannot be used
        return _answer(draft, refused=[{"name": "", "text": line} for line in error.lines])
    draft, refused = record().drafts.add(ticket, me().name, photos)
    return _answer(draft, [photo.sha256 for photo in photos], not_taken(refused))


@pages.post("/tickets/drafts/<ticket>/person")
def enrol(ticket: str) -> Response:
    """Copies the photos of a person who is enrolled in a face set."""
    draft = record().drafts.fill(ticket, me().name, _fields())
    if not draft.model:
        raise BadInput("choose the model first, then the person that it shall forget")
    photos = record().enrolled.photos(draft.model, *named())
    draft, refused = record().drafts.add(ticket, me().name, photos)
    return _answer(draft, [photo.sha256 for photo in photos], not_taken(refused))


@pages.post("/tickets/drafts/<ticket>/photos/<sha256>/remove")
def take_out(ticket: str, sha256: str) -> Response:
    draft = record().drafts.take_out(ticket, me().name, sha256)
    if request.accept_mimetypes.accept_html:  # the page without its script
        return redirect(url_for("drafts.show", ticket=ticket), 303)
    return _answer(draft)


@pages.get("/face-sets/<name>/people")
def people(name: str) -> Response:
    """People of whose name a word begins with ``start``; a few, however many there are."""
    found = record().enrolled.search(name, request.args.get("start", ""))
    return jsonify(people=found)


def urls(draft: Draft) -> dict[str, str]:
    """Where the page of a draft sends what."""
    return {
        "page": url_for("drafts.show", ticket=draft.ticket),
        "fields": url_for("draft_photos.fill", ticket=draft.ticket),
        "photos": url_for("draft_photos.show", ticket=draft.ticket),
        "person": url_for("draft_photos.enrol", ticket=draft.ticket),
    }


def _fields() -> dict[str, str]:
    return {field: request.form.get(field, "").strip() for field in FIELDS}


def _answer(
    draft: Draft, added: Sequence[str] = (), refused: Sequence[Mapping[str, str]] = ()
) -> Response:
    kept = {photo.sha256 for photo in draft.photos}
    body: dict[str, Any] = answers(draft).document()
    body["added"] = [digest for digest in added if digest in kept]
    body["not_taken"] = list(refused)
    return jsonify(body)
