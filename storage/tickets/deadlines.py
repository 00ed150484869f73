"""Deadlines: said to be near, said to be missed, and put off once as the GDPR allows."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

import structlog

from storage import keys
from storage.errors import BadInput, LetheError
from storage.record import Record
from storage.store.objects import StoreUnavailable
from storage.tickets.events import Notice
from storage.tickets.request import months_after
from storage.tickets.ticket import Ticket

log = structlog.get_logger("storage.deadlines")

ACTOR = "clock"
AT_ONCE = 100  # tickets that one call tells of; the next one goes on
DAY = 24 * 3600
LONGEST = 3  # months from submission: one, and two further (GDPR Art. 12(3))


class BadDeadline(BadInput):
    """A deadline that may not be set."""


def tell(record: Record) -> dict[Notice, list[str]]:
    """Writes down, once each, whose deadline is near and whose was missed; by ticket."""
    now = time.time()
    near = now + record.settings.deadline_warning_days * DAY
    index = record.tickets.index
    before = [keys.told(""), keys.told(Notice.DEADLINE_NEAR)]
    missed = [ticket for zset in before for ticket in index.until(zset, now, AT_ONCE)]
    soon = [ticket for ticket in index.until(before[0], near, AT_ONCE) if ticket not in missed]
    return {
        Notice.DEADLINE_MISSED: _note(record, Notice.DEADLINE_MISSED, missed),
        Notice.DEADLINE_NEAR: _note(record, Notice.DEADLINE_NEAR, soon),
    }


def _note(record: Record, notice: Notice, tickets: list[str]) -> list[str]:
    told = []
    for ticket in tickets:
        try:
            if record.tickets.reindex(ticket).open:  # it may have ended while Redis was away
                record.tickets.note(ticket, notice, ACTOR)
                told.append(ticket)
        except StoreUnavailable:
            raise
        except LetheError as error:  # a chain that breaks keeps no other ticket untold
            log.error("deadline not noted", ticket=ticket, error=type(error).__name__)
    return told


def check_extension(ticket: Ticket, deadline: date) -> None:
    """
    Raises:
        BadDeadline: not later, later than the law allows, or said after the deadline.
    """
    before = date.fromisoformat(ticket.deadline)
    submitted = datetime.fromisoformat(ticket.submitted_at).date()
    last = months_after(submitted, LONGEST)
    today = datetime.now(UTC).date()
    if today > before:
        raise BadDeadline(
            f"ticket {ticket.id}: its deadline was {before}; it can be extended until then only"
        )
    if deadline <= before:
        raise BadDeadline(f"ticket {ticket.id}: is due on {before} already; give a later day")
    if deadline > last:
        raise BadDeadline(
            f"ticket {ticket.id}: three months after its submission are the most "
            f"(GDPR Art. 12(3)); give {last} or an earlier day"
        )
