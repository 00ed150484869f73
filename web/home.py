"""The desk: what waits, how long it may, and whether everything is alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from flask import Blueprint, render_template

from storage import keys, lines
from storage.record import Record
from storage.states import ENDED, State
from storage.ticket import Ticket
from web import fleet
from web.services import services

SHOWN = 20  # open tickets on the desk; the list has all of them
CARDS = 12  # models on the desk; the page of models has all of them
_FIRST = {State.SUBMITTED: 0, State.NEEDS_PHOTOS: 1, State.NEEDS_REVIEW: 1, State.FAILED: 1}
_JUDGED = (State.COMPLETED, State.NEEDS_REVIEW)

pages = Blueprint("home", __name__)


@dataclass(frozen=True)
class ModelCard:
    name: str
    current: int | None
    versions: int
    last: Ticket | None  # the ticket that got the latest verdict


@pages.get("/")
def show() -> str:
    found = services()
    record = found.record
    counts = {state: record.tickets.count(None, state) for state in State}
    tickets, models = open_tickets(record), sorted(record.models.registered())
    opened = sum(count for state, count in counts.items() if state not in ENDED)
    return render_template(
        "home.html",
        counts=counts,
        tickets=tickets,
        more=max(opened - len(tickets), 0),
        models=cards(record, lively(record, models, tickets)),
        all_models=len(models),
        face_sets=record.objects.folders("facesets/") if not any(counts.values()) else [],
        workers=fleet.workers(record.redis),
        queues=fleet.queue_lengths(found.queue),
    )


def open_tickets(record: Record) -> list[Ticket]:
    """What waits for people first, then by days left; ``SHOWN`` at most.

    Where more than ``SHOWN`` wait in one state for people, those that were submitted first and
    those with the earliest deadlines of all are looked at.
    """
    waiting = [id_ for state in _FIRST for id_ in record.tickets.waiting(None, state, SHOWN)]
    # Of twice as many, either half wait for people or half do not: both fill the desk.
    urgent = [str(id_) for id_ in record.redis.zrange(keys.DEADLINES, 0, 2 * SHOWN - 1)]
    found = record.tickets.index.tickets(dict.fromkeys(waiting + urgent))
    return sorted(
        (ticket for ticket in found if ticket and ticket.open),
        key=lambda ticket: (_FIRST.get(ticket.state, 2), ticket.deadline),
    )[:SHOWN]


def lively(record: Record, models: Sequence[str], tickets: Sequence[Ticket]) -> list[str]:
    """The models to show: all where they are few, else those with work or a verdict first."""
    if len(models) <= CARDS:
        return list(models)
    judged = [
        ticket for state in _JUDGED for ticket in record.tickets.recent(state=state, limit=CARDS)
    ]
    named = [ticket.model for ticket in (*tickets, *judged)]
    return sorted(islice(dict.fromkeys([*named, *models]), CARDS))


def cards(record: Record, models: Sequence[str]) -> list[ModelCard]:
    found = lines.of(record, models, most=len(models))
    last = _last_judged(record, models)
    return [
        ModelCard(name, line.aliases.get("current"), line.versions, last.get(name))
        for name in models
        for line in [found.get(name, lines.Line(0.0))]  # none without the store
    ]


def _last_judged(record: Record, models: Sequence[str]) -> dict[str, Ticket]:
    """Of each model the later of those that its lists show last."""
    ids = [
        id_
        for model in models
        for state in _JUDGED
        for id_ in record.tickets.index.page(model, state, 1, None)
    ]
    judged = [ticket for ticket in record.tickets.index.tickets(ids) if ticket]
    return {ticket.model: ticket for ticket in sorted(judged, key=lambda ticket: ticket.updated_at)}
