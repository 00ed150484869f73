"""The live progress of a ticket, as JSON for its page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from storage.progress import Progress
from storage.states import WORKED, State
from storage.ticket import Ticket
from web.services import record
from web.wording import STATES

pages = Blueprint("progress", __name__)


@pages.get("/tickets/<ticket>/progress")
def show(ticket: str) -> Response:
    found = record().tickets.get(ticket)
    shown = progress_of(found)
    body: dict[str, Any] = {
        "state": found.state,
        "words": STATES[found.state].title,
        "live": live(found.state),
        "fraction": shown.fraction if shown else None,
        "text": shown.text if shown else "",
        "figures": figures(shown),
    }
    return jsonify(body)


def live(state: State) -> bool:
    """Whether the ticket moves without anybody doing something."""
    return state in WORKED


def progress_of(ticket: Ticket) -> Progress | None:
    """Progress of the stage that the ticket is in; what an earlier stage left is none."""
    shown = record().progress.read(ticket.id)
    return shown if shown and live(ticket.state) and shown.stage == ticket.state else None


def figures(shown: Progress | None) -> dict[str, str]:
    """Losses and rates so far, in words and to four digits."""
    found = shown.figures if shown else {}
    return {
        name.replace("_", " ").replace("tmr", "TMR"): f"{value:.4g}"
        for name, value in found.items()
    }
