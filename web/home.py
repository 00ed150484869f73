"""The desk: what waits for whoever looks, how long it may, and whether everything is alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from flask import Blueprint, render_template

from storage import keys
from storage.accounts.users import Role
from storage.audit.log import Act
from storage.faces import face_lines
from storage.models import lines
from storage.record import Record
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from storage.tickets.ticket_search import OPEN, Order, Wanted
from web.accounts.signed_in import me
from web.operations import fleet
from web.services import services
from web.tickets.ticket_filter import Query

SHOWN = 5  # tickets in each list of the desk; the list of tickets has all of them
CARDS = 6  # models on the desk; the page of models has all of them
WORKERS = 6  # on the desk; the page of the system has all of them
WEEK = 7  # days
_JUDGED = (State.COMPLETED, State.NEEDS_REVIEW)
# What nobody but somebody of the role moves on; of requesters, what they submitted themselves.
WAITS: dict[Role, frozenset[State]] = {
    Role.REQUESTER: frozenset({State.NEEDS_PHOTOS}),
    Role.APPROVER: frozenset({State.SUBMITTED, State.NEEDS_REVIEW, State.FAILED}),
    Role.AUDITOR: frozenset({State.NEEDS_REVIEW}),
    Role.ADMIN: frozenset({State.SUBMITTED, State.NEEDS_PHOTOS, State.NEEDS_REVIEW, State.FAILED}),
}
_OVERSEERS = frozenset({Role.AUDITOR, Role.ADMIN})  # who answer for the record as a whole

pages = Blueprint("home", __name__)


@dataclass(frozen=True)
class Part:
    """The first tickets of a list, how many it has, and where the others are."""

    tickets: list[Ticket]
    count: int
    query: Query


@dataclass(frozen=True)
class ModelCard:
    name: str
    current: int | None
    versions: int
    last: Ticket | None  # the ticket that got the latest verdict


@pages.get("/")
def show() -> str:
    found, role = services(), me().role
    record = found.record
    counts = record.tickets.by_state()
    waiting, due, overdue = waits(record, role, me().name, counts), due_soon(record), late(record)
    models, workers = sorted(record.models.registered()), fleet.workers(record.redis)
    shown = lively(record, models, [*waiting.tickets, *due.tickets])
    return render_template(
        "home.html",
        counts=counts,
        waiting=waiting,
        due=due,
        overdue=overdue,
        models=cards(record, shown),
        all_models=len(models),
        face_sets=face_lines.all_names(record) if not any(counts.values()) else [],
        workers=workers[:WORKERS],
        more_workers=max(len(workers) - WORKERS, 0),
        queues=fleet.queue_lengths(found.queue),
        oversees=role in _OVERSEERS,
        verified=record.audit.newest(Act.LEDGER_VERIFIED) if role in _OVERSEERS else None,
    )


def waits(record: Record, role: Role, name: str, counts: dict[State, int]) -> Part:
    """What waits for somebody of the role, the earliest deadline first."""
    states = frozenset(state for state in WAITS[role] if counts[state])
    own = name if role is Role.REQUESTER else None
    query: Query = {"state": sorted(WAITS[role]), "sort": "deadline"}
    if own:
        query["mine"] = "1"
    if not states:
        return Part([], 0, query)
    wanted = Wanted(states=states, submitted_by=own)
    # Unless they are to be counted one by one, the walk ends with the last that is shown.
    tickets, found = record.tickets.page(
        wanted, Order.DEADLINE, down=False, limit=SHOWN, counted=own is not None
    )
    count = found.count if own else sum(counts[state] for state in states)
    return Part(tickets, count, query)


def due_soon(record: Record) -> Part:
    """Open tickets that are due within a week, today first."""
    today = datetime.now(UTC).date()
    wanted = Wanted(states=OPEN, due_from=today, due_to=today + timedelta(days=WEEK))
    return _part(record, wanted, {"due": str(WEEK), "sort": "deadline"})


def late(record: Record) -> Part:
    """Open tickets whose deadline is over, the one that is late for longest first."""
    wanted = Wanted(states=OPEN, due_to=datetime.now(UTC).date() - timedelta(days=1))
    return _part(record, wanted, {"due": "overdue", "sort": "deadline"})


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


def _part(record: Record, wanted: Wanted, query: Query) -> Part:
    tickets, found = record.tickets.page(wanted, Order.DEADLINE, down=False, limit=SHOWN)
    return Part(tickets, found.count, query)


def _last_judged(record: Record, models: Sequence[str]) -> dict[str, Ticket]:
    """Of each model the later of those that its lists show last."""
    pipe = record.redis.pipeline(transaction=False)  # two lists for each model
    for model in models:
        for state in _JUDGED:
            pipe.zrevrange(keys.listing(model, state), 0, 0)
    ids = [str(id_) for found in pipe.execute() for id_ in found]
    judged = [ticket for ticket in record.tickets.index.tickets(ids) if ticket]
    return {ticket.model: ticket for ticket in sorted(judged, key=lambda ticket: ticket.updated_at)}
