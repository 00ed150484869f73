"""One step with many tickets: what will happen to which is shown first, then what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from werkzeug.wrappers import Response

from storage import names
from storage.errors import BadInput
from storage.tickets import bulk
from storage.tickets.bulk import MOST, Outcome, Seen, Step
from storage.tickets.registry import NoSuchTicket
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from web import wording
from web.accounts.signed_in import me
from web.inside import inside
from web.permissions import may
from web.services import record, services
from web.tickets import reason
from web.tickets.actions import actions, may_cancel

pages = Blueprint("bulk", __name__)
log = structlog.get_logger("web.bulk")


@dataclass(frozen=True)
class Wording:
    verb: LazyString  # of the button
    question: LazyString
    effect: LazyString
    done: LazyString


STEPS: dict[Step, Wording] = {
    Step.APPROVE: Wording(
        lazy_gettext("Approve"),
        lazy_gettext("Approve these tickets?"),
        lazy_gettext(
            "The work begins with the next free worker: the photos are prepared, then the model's "
            "next run forgets these subjects."
        ),
        lazy_gettext("Approved"),
    ),
    Step.DENY: Wording(
        lazy_gettext("Deny"),
        lazy_gettext("Deny these tickets?"),
        lazy_gettext("Their photos are removed at once. A denied ticket cannot be opened again."),
        lazy_gettext("Denied"),
    ),
    Step.CANCEL: Wording(
        lazy_gettext("Cancel"),
        lazy_gettext("Cancel these tickets?"),
        lazy_gettext(
            "Work that is under way stops and their photos are removed at once. "
            "A cancelled ticket cannot be opened again."
        ),
        lazy_gettext("Cancelled"),
    ),
    Step.ARCHIVE: Wording(
        lazy_gettext("Archive"),
        lazy_gettext("Archive these tickets?"),
        lazy_gettext("Lists show them no more; the record keeps them, and each can be restored."),
        lazy_gettext("Archived"),
    ),
}


def steps() -> dict[Step, Wording]:
    """What whoever is signed in may do with many tickets."""
    return {step: words for step, words in STEPS.items() if may(f"tickets.{step}")}


@pages.post("/tickets/bulk")
def confirm() -> str | Response:
    step, ids = _step(), list(dict.fromkeys(request.form.getlist("ticket")))
    back = inside(request.form.get("back", ""))
    if not ids:
        flash(_("No ticket was chosen: tick those that you mean."))
        return redirect(back, 303)
    found = [record().tickets.get(names.ticket_id(ticket)) for ticket in _bounded(ids)]
    refused = {ticket.id: why for ticket in found if (why := _refusal(ticket, step))}
    return render_template(
        "tickets_confirm.html",
        step=step,
        words=STEPS[step],
        tickets=[ticket for ticket in found if ticket.id not in refused],
        refused=[(ticket, refused[ticket.id]) for ticket in found if ticket.id in refused],
        back=back,
        reason_length=reason.LONGEST,
    )


@pages.post("/tickets/bulk/perform")
def perform() -> str:
    step, seen = _step(), [_seen(text) for text in _bounded(request.form.getlist("seen"))]
    others = _others(step, seen)
    mine = [each for each in seen if each.ticket not in others]
    outcomes = bulk.perform(record(), services().desk, step, mine, me().name, reason.given())
    outcomes += [Outcome(ticket, None, _("somebody else submitted it")) for ticket in others]
    done = [outcome for outcome in outcomes if not outcome.refused]
    refused = [outcome for outcome in outcomes if outcome.refused]
    log.info("bulk", step=str(step), done=len(done), refused=len(refused), user=me().name)
    return render_template(
        "tickets_outcome.html",
        words=STEPS[step],
        done=done,
        refused=refused,
        back=inside(request.form.get("back", "")) if "back" in request.form else _list(),
    )


def _refusal(ticket: Ticket, step: Step) -> str:
    """Why the step is not possible with the ticket; empty where it is."""
    if str(step) in actions(ticket):
        return ""
    if (
        step is Step.APPROVE
        and ticket.state is State.SUBMITTED
        and not services().desk.may_approve(ticket, me().name)
    ):
        return str(_("you submitted it, and somebody else must approve it"))
    if step is Step.CANCEL and not may_cancel(ticket):
        return str(_("somebody else submitted it"))
    if ticket.archived:
        return str(_("it is archived"))
    return str(_("it is in the state “%(state)s”", state=wording.STATES[ticket.state].title))


def _others(step: Step, seen: Sequence[Seen]) -> set[str]:
    """Those that are not theirs to cancel."""
    if step is not Step.CANCEL:
        return set()
    found = set()
    for each in seen:
        try:
            if not may_cancel(record().tickets.get(each.ticket)):
                found.add(each.ticket)
        except NoSuchTicket:  # `perform` says so
            continue
    return found


def _step() -> Step:
    value = request.form.get("step", "")
    if value not in set(Step):
        raise BadInput(f"step {value[:32]!r}: there is none; use the buttons of the list")
    if not may(f"tickets.{value}"):
        abort(403)
    return Step(value)


def _bounded(given: Sequence[str]) -> Sequence[str]:
    if len(given) > MOST:
        raise BadInput(f"{len(given)} tickets: at most {MOST} at once; choose fewer")
    return given


def _seen(text: str) -> Seen:
    ticket, _sign, since = text.partition("@")
    try:
        datetime.fromisoformat(since)
    except ValueError:
        raise BadInput(f"ticket {text[:48]!r}: not as the list names it; choose again") from None
    return Seen(names.ticket_id(ticket), since)


def _list() -> str:
    return url_for("tickets.index")
