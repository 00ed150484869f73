"""What a delivery takes: the tickets of a model that one run is made of."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from storage.canonical import Corrupt
from storage.record import Record
from storage.tickets.registry import NoSuchTicket
from storage.tickets.ticket import Ticket
from workers.attempts import APART, aside, attempts, resting
from workers.kept_run import RESUMED, kept_tickets
from workers.publish import published
from workers.sweep import IN_ERASURE

log = structlog.get_logger()


def take(record: Record, model: str) -> list[Ticket]:
    """The tickets of the next run: those that an attempt left behind alone, or those that wait.

    Others that came meanwhile would make it another run, which no checkpoint is of. What failed
    several times is taken one at a time, the least tried first, and rests aside while others go by.
    """
    found = _found(record, model)
    asleep = aside(record, [ticket.id for ticket in found])
    awake = [ticket for ticket in found if ticket.id not in asleep] or found
    left = [ticket for ticket in awake if ticket.state in RESUMED]
    run = (_kept(record, model, awake) or left or awake)[: record.settings.tickets_per_run]
    counts = attempts(record, [ticket.id for ticket in run])
    if len(run) > 1 and max(counts.values()) >= APART:
        made = published(record, model)
        # Certificates of one version are written in one order: such tickets are finished together.
        together = [ticket for ticket in run if ticket.id in made]
        return together or [min(run, key=lambda ticket: counts[ticket.id])]
    return run


def waits(record: Record, model: str) -> bool:
    """Whether there is something to do for the model now."""
    ids = [ticket for state in IN_ERASURE for ticket in record.tickets.waiting(model, state)]
    return bool(ids) and not resting(record, ids)


def _found(record: Record, model: str) -> list[Ticket]:
    """Tickets in the states of an erasure, the furthest first; where the index was wrong about
    one it is put right."""
    found: dict[str, Ticket] = {}
    for state in reversed(IN_ERASURE):
        for id_ in record.tickets.waiting(model, state):
            try:
                ticket = record.tickets.load(id_)
            except (Corrupt, NoSuchTicket) as error:  # it must not keep the others waiting
                log.error("cannot be taken", ticket=id_, error=type(error).__name__)
                continue
            if ticket.state is not state:
                record.tickets.index.write(ticket)
            if ticket.state in IN_ERASURE:
                found[id_] = ticket
    return list(found.values())


def _kept(record: Record, model: str, found: Sequence[Ticket]) -> list[Ticket]:
    """The tickets of the run that the kept checkpoint is of, if all of them are there."""
    by_id = {ticket.id: ticket for ticket in found}
    kept = kept_tickets(record.objects, model)
    return [by_id[ticket] for ticket in kept] if set(kept) <= set(by_id) else []
