"""The live progress of a ticket, as JSON for its page and for the API."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response

from storage.tickets.progress import Progress
from storage.tickets.states import WORKED, State
from storage.tickets.ticket import Ticket
from web.services import record
from web.tickets.charts import charts
from web.tickets.estimate import Estimate
from web.tickets.progress_words import progress_words
from web.wording import STATES

pages = Blueprint("progress", __name__)


@pages.get("/tickets/<ticket>/progress")
def show(ticket: str) -> Response:
    found = record().tickets.get(ticket)
    body = document(found)
    body["charts"] = [chart.document() for chart in charts(body.pop("points"))]
    response = jsonify(body)
    response.add_etag()
    return response.make_conditional(request)


def document(ticket: Ticket) -> dict[str, Any]:
    """What is known of a ticket on its way; reads Redis alone.

    ``points``: how much of the stage was done, and the figures then. ``left``: seconds until the
    ticket is done, about; None where nobody knows.
    """
    shown = progress_of(ticket)
    estimate = Estimate.of(ticket, shown, record().progress)
    return {
        "state": str(ticket.state),
        "words": str(STATES[ticket.state].title),
        "live": live(ticket.state),
        "fraction": shown.fraction if shown else None,
        "text": progress_words(shown.text) if shown else "",
        "figures": figures(shown),
        "points": points(ticket, shown),
        "left": estimate.rounded,
        "estimate": estimate.words,
    }


def live(state: State) -> bool:
    """Whether the ticket moves without anybody doing something."""
    return state in WORKED


def progress_of(ticket: Ticket) -> Progress | None:
    """Progress of the stage that the ticket is in; what an earlier stage left is none."""
    if not live(ticket.state):
        return None
    shown = record().progress.read(ticket.id)
    return shown if shown and shown.stage == ticket.state else None


def points(ticket: Ticket, shown: Progress | None) -> list[dict[str, Any]]:
    """The course of the losses and rates: of the unlearning, while it runs and after it."""
    state = ticket.state
    if state is State.UNLEARNING:
        until = shown.fraction if shown else 0.0
    elif state in {State.CERTIFYING, State.PUBLISHING}:
        until = 1.0
    else:
        return []
    found = record().progress.points(ticket.id, State.UNLEARNING, until)
    return [{"fraction": point.fraction, "figures": point.figures} for point in found]


def figures(shown: Progress | None) -> dict[str, str]:
    """Losses and rates so far, in words and to four digits."""
    found = shown.figures if shown else {}
    return {name_of(name): f"{value:.4g}" for name, value in found.items()}


def name_of(figure: str) -> str:
    return figure.replace("_", " ").replace("tmr", "TMR")
