"""What people do with one ticket: a form each, one call to the desk, and back to its page."""

from __future__ import annotations

from datetime import date

import structlog
from flask import abort, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from storage.errors import BadInput
from storage.tickets.desk import BadPhotos
from web import uploads
from web.accounts.signed_in import me
from web.services import record, services
from web.tickets import reason
from web.tickets.actions import may_add_photos, may_cancel
from web.tickets.index import pages
from web.tickets.ticket import page

__all__ = ["pages"]

log = structlog.get_logger("web.tickets")


@pages.post("/tickets/<ticket>/approve")
def approve(ticket: str) -> Response:
    services().desk.approve(ticket, me().name)
    return _done(ticket, "approved", _("Approved: the work begins with the next free worker."))


@pages.post("/tickets/<ticket>/deny")
def deny(ticket: str) -> Response:
    services().desk.deny(ticket, me().name, _reason_for("a denial"))
    return _done(
        ticket, "denied", _("Denied: the photos are removed, the reason is in the record.")
    )


@pages.post("/tickets/<ticket>/cancel")
def cancel(ticket: str) -> Response:
    if not may_cancel(record().tickets.get(ticket)):
        abort(403)
    services().desk.cancel(ticket, me().name, reason.given())
    return _done(ticket, "cancelled", _("Cancelled: the photos are removed."))


@pages.post("/tickets/<ticket>/retry")
def retry(ticket: str) -> Response:
    services().desk.retry(ticket, me().name)
    return _done(ticket, "retried", _("The ticket goes on from where it stopped."))


@pages.post("/tickets/<ticket>/extend")
def extend(ticket: str) -> Response:
    why, until = _reason_for("an extension"), _date(request.form.get("deadline", ""))
    services().desk.extend(ticket, until, me().name, why)
    return _done(ticket, "extended", _("The deadline is extended; the reason is in the record."))


@pages.post("/tickets/<ticket>/photos")
def add_photos(ticket: str) -> tuple[str, int] | Response:
    if not may_add_photos(record().tickets.get(ticket)):
        abort(403)
    try:
        photos = uploads.photos(request.files.getlist("photos"), record().settings)
        services().desk.add_photos(ticket, photos, me().name)
    except BadPhotos as error:
        return page(ticket, error.lines), 422
    return _done(
        ticket, "given_photos", _("The photos are in the record; all of them are prepared anew.")
    )


@pages.post("/tickets/<ticket>/archive")
def archive(ticket: str) -> Response:
    services().desk.archive(ticket, me().name, reason.given())
    return _done(ticket, "archived", _("Archived: lists show it no more, this address does."))


@pages.post("/tickets/<ticket>/restore")
def restore(ticket: str) -> Response:
    services().desk.restore(ticket, me().name, reason.given())
    return _done(ticket, "restored", _("Restored: the lists show it again."))


def _done(ticket: str, action: str, message: str) -> Response:
    log.info(f"ticket_{action}", ticket=ticket, user=me().name)
    flash(message)
    return redirect(url_for("tickets.show", ticket=ticket), 303)


def _reason_for(what: str) -> str:
    why = reason.given()
    if not why:
        raise BadInput(f"{what} needs a reason: go back and give one")
    return why


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"deadline {text[:32]!r}: is no date; give it as YYYY-MM-DD") from None
