"""The desk: what waits, how long it may, and whether everything is alive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template

from storage.models import Model
from storage.record import Record
from storage.states import ENDED, State
from storage.tickets import Ticket
from web import fleet
from web.services import services

SHOWN = 20  # open tickets on the desk; the list has all of them
_FIRST = {State.SUBMITTED: 0, State.NEEDS_PHOTOS: 1, State.NEEDS_REVIEW: 1, State.FAILED: 1}

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
    models = found.record.models.all()
    tickets = open_tickets(found.record, models)
    return render_template(
        "home.html",
        counts=counts(found.record, models),
        tickets=tickets[:SHOWN],
        more=max(len(tickets) - SHOWN, 0),
        models=[card(found.record, model) for model in models],
        face_sets=found.record.objects.folders("facesets/"),
        workers=fleet.workers(found.record.redis),
        queues=fleet.queue_lengths(found.queue),
    )


def counts(record: Record, models: Sequence[Model]) -> dict[State, int]:
    """Tickets in each state, over all models."""
    found: Counter[State] = Counter()
    for model in models:
        for state in State:
            found[state] += record.tickets.count(model.name, state)
    return dict(found)


def open_tickets(record: Record, models: Sequence[Model]) -> list[Ticket]:
    """What waits for people first, then by days left."""
    ids = [
        ticket
        for model in models
        for state in State
        if state not in ENDED
        for ticket in record.tickets.waiting(model.name, state)
    ]
    tickets = [record.tickets.get(ticket) for ticket in ids]
    return sorted(tickets, key=lambda ticket: (_FIRST.get(ticket.state, 2), ticket.deadline))


def card(record: Record, model: Model) -> ModelCard:
    numbers = record.models.numbers(model.name)
    return ModelCard(
        name=model.name,
        current=record.models.aliases(model.name).get("current"),
        versions=len(numbers),
        last=_last_judged(record, model.name),
    )


def _last_judged(record: Record, model: str) -> Ticket | None:
    judged = [
        record.tickets.get(ids[-1])
        for state in (State.COMPLETED, State.NEEDS_REVIEW)
        if (ids := record.tickets.waiting(model, state))
    ]
    return max(judged, key=lambda ticket: ticket.updated_at, default=None)
