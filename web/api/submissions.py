"""New tickets, and more photos for those that need them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial

import structlog
from flask import request, url_for

from storage.canonical import canonical, sha256
from storage.tickets.desk import BadPhotos
from storage.tickets.idempotency import Attempt, Idempotency
from storage.tickets.photos import Photo
from storage.tickets.request import Request, default_deadline
from storage.tickets.ticket import Ticket
from web import uploads
from web.accounts.signed_in import me
from web.api.contract import Resource
from web.api.problems import Fault, Refused, bad_fields
from web.api.ticket_documents import (
    IdempotencyHeader,
    NewTicketBody,
    NewTicketForm,
    PhotosForm,
    TicketDocument,
)
from web.services import record, services
from web.tickets.actions import may_add_photos
from web.tickets.new_ticket import NewTicket

resource = Resource("Submissions", "New tickets, with photos or of enrolled people.")
log = structlog.get_logger("web.api.tickets")


@resource.post(
    "/tickets",
    answer=TicketDocument,
    status=201,
    headers=IdempotencyHeader,
    body=NewTicketBody,
    form=NewTicketForm,
    files="photos",
    problems=(404,),
    also=("Location",),
)
def submit_ticket(
    headers: IdempotencyHeader, body: NewTicketForm
) -> tuple[TicketDocument, dict[str, str]]:
    """Submit a ticket. It is in the record, with its photos, before the answer is sent."""
    try:
        ticket = _submitted(body, headers.key)
    except BadPhotos as error:
        raise bad_fields(_lines(error)) from None
    log.info("ticket_submitted", ticket=ticket.id, user=me().name)
    place = url_for("api.show_ticket", ticket=ticket.id)
    return TicketDocument.of(ticket), {"Location": place}


@resource.post("/tickets/<ticket>/photos", answer=TicketDocument, form=PhotosForm, files="photos")
def add_photos(ticket: str, body: PhotosForm) -> TicketDocument:  # noqa: ARG001 - photos alone
    """Give more photos to a ticket that needs them; its work goes on."""
    if not may_add_photos(record().tickets.get(ticket)):
        raise Refused(403, "Requesters add to what they submitted themselves, nobody else's.")
    try:
        moved = services().desk.add_photos(ticket, _photos(), me().name)
    except BadPhotos as error:
        raise bad_fields(_lines(error)) from None
    return TicketDocument.of(moved)


def _submitted(body: NewTicketForm, key: str | None) -> Ticket:
    """The ticket; where the key came before, the one that was submitted then."""
    deadline = body.deadline or default_deadline(record().settings.deadline_days)
    _check(body, deadline)
    photos = [] if isinstance(body, NewTicketBody) else _photos()
    asked = Request(body.model, body.subject, body.legal_ground, deadline, len(photos))
    if key is None:
        return _submit(asked, body, photos, None)
    attempts = Idempotency(record().redis)
    with attempts.attempt(me().name, key, _fingerprint(body, photos)) as attempt:
        if attempt.done:
            return record().tickets.get(attempt.ticket)
        return _submit(asked, body, photos, attempt)


def _submit(
    asked: Request, body: NewTicketForm, photos: Sequence[Photo], attempt: Attempt | None
) -> Ticket:
    desk, actor = services().desk, me().name
    if isinstance(body, NewTicketBody):
        send = partial(desk.submit_enrolled, asked, body.face_set, body.person, actor)
    else:
        send = partial(desk.submit, asked, photos, actor)
    return send(attempt.ticket, attempt.is_first) if attempt else send()


def _check(body: NewTicketForm, deadline: date) -> None:
    """What the form of the pages checks, too."""
    form = NewTicket(body.model, body.subject, str(body.legal_ground), deadline.isoformat())
    found = form.problems(record().models.registered())
    if found:
        raise bad_fields(
            [{"pointer": f"#/{field}", "detail": str(line)} for field, line in found.items()]
        )


def _photos() -> list[Photo]:
    return uploads.photos(request.files.getlist("photos"), record().settings)


def _fingerprint(body: NewTicketForm, photos: Sequence[Photo]) -> str:
    fields = body.model_dump(mode="json")
    return sha256(canonical({**fields, "photos": [[one.name, one.sha256] for one in photos]}))


def _lines(error: BadPhotos) -> list[Fault]:
    return [{"pointer": "#/photos", "detail": line} for line in error.lines]
