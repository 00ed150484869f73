"""Tickets: the list, the form, one ticket's page, and what people do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from storage import names
from storage.certificates import NoSuchCertificate
from storage.desk import BadPhotos
from storage.errors import BadInput
from storage.photos import Selection
from storage.states import ENDED, TRANSITIONS, State
from storage.ticket import Ticket
from storage.users import Role
from web import figures, uploads, wording
from web import progress as live_progress
from web.new_ticket import NewTicket
from web.permissions import may
from web.services import record, services
from web.sign_in import me

SHOWN = 100  # tickets on a page of the list
CHOSEN = 100  # models to choose from; of more one gives the name
REASON_LENGTH = 500  # characters

pages = Blueprint("tickets", __name__)
log = structlog.get_logger("web.tickets")


@pages.get("/tickets")
def index() -> str:
    models = record().models.registered()
    state, model = _state(request.args.get("state", "")), request.args.get("model") or None
    if model is not None and model not in models:
        raise BadInput(f"model {model[:64]!r}: there is none; choose one of the list")
    after = request.args.get("after") or None
    if after is not None:
        names.ticket_id(after)
    found = record().tickets.recent(model=model, state=state, limit=SHOWN + 1, after=after)
    return render_template(
        "tickets.html",
        tickets=found[:SHOWN],
        more=len(found) > SHOWN,
        models=sorted(models) if len(models) <= CHOSEN else None,
        model=model,
        state=state,
        after=after,
        shown=SHOWN,
    )


@pages.get("/tickets/new")
def new() -> str:
    models = sorted(record().models.registered())
    days = record().settings.deadline_days
    return _form(NewTicket.blank(models, days), models, {}, ())


@pages.post("/tickets/new")
def create() -> tuple[str, int] | Response:
    models = sorted(record().models.registered())
    ticket = NewTicket.from_form(request.form)
    problems = ticket.problems(models)
    lines: Sequence[str] = ()
    if not problems:
        try:
            photos = uploads.photos(request.files.getlist("photos"), record().settings)
            accepted = services().desk.submit(ticket.request(len(photos)), photos, me().name)
        except BadPhotos as error:
            lines = error.lines
        else:
            log.info("ticket_submitted", ticket=accepted.id, user=me().name)
            flash("Accepted: the ticket and its photos are in the record.")
            return redirect(url_for("tickets.show", ticket=accepted.id), 303)
    return _form(ticket, models, problems, lines), 422


@pages.get("/tickets/<ticket>")
def show(ticket: str) -> str:
    events = record().tickets.events(ticket)
    found = Ticket.replay(events)
    progress = live_progress.progress_of(found)
    return render_template(
        "ticket.html",
        ticket=found,
        events=list(reversed(events)),
        wording=wording.STATES[found.state],
        ended=found.state in ENDED,
        live=live_progress.live(found.state),
        progress=progress,
        figures=live_progress.figures(progress),
        selection=_selection(found),
        photos_left=record().photos.left(ticket) if found.state in ENDED else None,
        certified=_certified(ticket, found.state),
        actions=actions(found),
        rows=figures.rows(found.result),
        basis=figures.basis(found.result),
        summary=figures.summary(found.result),
        reason_length=REASON_LENGTH,
    )


@pages.post("/tickets/<ticket>/approve")
def approve(ticket: str) -> Response:
    services().desk.approve(ticket, me().name)
    return _done(ticket, "approved", "Approved: the work begins with the next free worker.")


@pages.post("/tickets/<ticket>/deny")
def deny(ticket: str) -> Response:
    reason = _reason()
    if not reason:
        raise BadInput("a denial needs a reason: go back and give one")
    services().desk.deny(ticket, me().name, reason)
    return _done(ticket, "denied", "Denied: the photos are removed, the reason is in the record.")


@pages.post("/tickets/<ticket>/cancel")
def cancel(ticket: str) -> Response:
    if not may_cancel(record().tickets.get(ticket)):
        abort(403)
    services().desk.cancel(ticket, me().name, _reason())
    return _done(ticket, "cancelled", "Cancelled: the photos are removed.")


@pages.post("/tickets/<ticket>/retry")
def retry(ticket: str) -> Response:
    services().desk.retry(ticket, me().name)
    return _done(ticket, "retried", "The ticket goes on from where it stopped.")


def actions(ticket: Ticket) -> frozenset[str]:
    """What whoever is signed in may do with the ticket in its state."""
    after = TRANSITIONS[ticket.state]
    possible = {
        "approve": ticket.state is State.SUBMITTED and may("tickets.approve"),
        "deny": State.DENIED in after and may("tickets.deny"),
        "cancel": State.CANCELLED in after and may_cancel(ticket),
        "retry": ticket.state in {State.FAILED, State.NEEDS_REVIEW} and may("tickets.retry"),
    }
    return frozenset(action for action, allowed in possible.items() if allowed)


def may_cancel(ticket: Ticket) -> bool:
    """Requesters take back what they submitted themselves, nobody else's."""
    own = me().role is not Role.REQUESTER or ticket.submitted_by == me().name
    return own and may("tickets.cancel")


def _form(
    ticket: NewTicket, models: Sequence[str], problems: Mapping[str, str], lines: Sequence[str]
) -> str:
    settings = record().settings
    return render_template(
        "new_ticket.html",
        form=ticket,
        models=models,
        grounds=wording.GROUNDS,
        problems=problems,
        photo_lines=lines,
        settings=settings,
        upload_bytes=uploads.upload_bytes(settings),
    )


def _done(ticket: str, action: str, message: str) -> Response:
    log.info(f"ticket_{action}", ticket=ticket, user=me().name)
    flash(message)
    return redirect(url_for("tickets.show", ticket=ticket), 303)


def _reason() -> str:
    return " ".join(request.form.get("reason", "").split())[:REASON_LENGTH]


def _state(value: str) -> State | None:
    if value and value not in set(State):
        raise BadInput(f"state {value[:64]!r}: there is none; choose one of the list")
    return State(value) if value else None


def _selection(ticket: Ticket) -> Selection | None:
    return None if ticket.state in ENDED else record().photos.selection(ticket.id)


def _certified(ticket: str, state: State) -> bool:
    if state not in {State.COMPLETED, State.NEEDS_REVIEW}:
        return False
    try:
        return bool(record().certificates.certificate(ticket))
    except NoSuchCertificate:
        return False
