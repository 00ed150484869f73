"""A draft's page: everything as it was left; submit it, or discard it."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from storage.tickets.desk import BadPhotos
from storage.tickets.drafts import NoSuchDraft
from storage.tickets.registry import NoSuchTicket
from web import uploads
from web.accounts.signed_in import me
from web.services import record, services
from web.tickets.new_ticket import NOT_ENROLLED, NewTicket, named, page

pages = Blueprint("drafts", __name__)
log = structlog.get_logger("web.drafts")


@pages.get("/tickets/drafts/<ticket>")
def show(ticket: str) -> Response:
    try:
        draft = record().drafts.get(ticket, me().name)
    except NoSuchDraft:
        return _submitted(ticket)
    return page(NewTicket.from_form(draft.fields), draft=draft)


@pages.post("/tickets/drafts/<ticket>")
def submit(ticket: str) -> Response:
    """The ticket; sent again, the same one."""
    form = NewTicket.from_form(request.form)
    try:
        draft = record().drafts.fill(ticket, me().name, vars(form))
    except NoSuchDraft:
        return _submitted(ticket)
    problems = form.problems(record().models.registered())
    lines: Sequence[str] = ()
    try:
        # Without its script the page's form brings photos, too, or names a person.
        photos = uploads.photos(request.files.getlist("photos"), record().settings)
        face_set, person = named()
        if person and not problems:
            photos += record().enrolled.photos(form.model, face_set, person)
        draft, refused = record().drafts.add(ticket, me().name, photos)
        if refused:
            raise BadPhotos([str(error) for error in refused])
        if not problems:
            asked = form.request(len(draft.photos))
            accepted = services().desk.submit_draft(ticket, asked, me().name)
            log.info("ticket_submitted", ticket=accepted.id, user=me().name)
            flash(_("Accepted: the ticket and its photos are in the record."))
            return redirect(url_for("tickets.show", ticket=accepted.id), 303)
    except BadPhotos as error:
        lines = error.lines
    except NOT_ENROLLED as error:
        lines = (str(error),)
    return page(form, draft=draft, problems=problems, lines=lines, status=422)


@pages.post("/tickets/drafts/<ticket>/discard")
def discard(ticket: str) -> Response:
    record().drafts.discard(ticket, me().name)
    log.info("draft_discarded", ticket=ticket, user=me().name)
    flash(_("The draft is discarded, and its photos are removed."))
    return redirect(url_for("new_ticket.show"), 303)


def _submitted(ticket: str) -> Response:
    """To the ticket that the draft became, if it is one's own.

    Raises:
        NoSuchDraft
    """
    try:
        found = record().tickets.load(ticket)
    except NoSuchTicket:
        found = None
    if found is None or found.submitted_by != me().name:
        raise NoSuchDraft(f"draft {ticket}: you have none of this id; it may be discarded")
    return redirect(url_for("tickets.show", ticket=ticket), 303)
