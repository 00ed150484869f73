"""The filtered list as a CSV file: streamed, so that it costs the same however long it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import structlog
from flask import Blueprint, Response, request, stream_with_context

from storage.audit.log import Act
from storage.tickets.ticket import Ticket
from web import csv_lines
from web.accounts.signed_in import me
from web.services import record
from web.tickets.ticket_filter import Filter

AT_ONCE = 500  # tickets held in memory; some 1 kB each

pages = Blueprint("ticket_export", __name__)
log = structlog.get_logger("web.ticket_export")

HEADER = (
    "ticket",
    "state",
    "model",
    "subject",
    "legal_ground",
    "submitted_at",
    "submitted_by",
    "deadline",
    "changed_at",
    "photos",
    "verdict",
    "version",
    "note",
    "archived",
)


@pages.get("/tickets.csv")
def download() -> Response:
    """What the list shows with the same filters, in its order, all pages of it."""
    chosen = Filter.parse(request.args, record().models.registered())
    wanted = chosen.wanted(me().name)
    _page, found = record().tickets.page(wanted, chosen.by, down=chosen.down, limit=1)
    # Before the first byte: where nobody can write down that they left, they stay.
    facts: dict[str, str | int | bool] = {"tickets": found.count, **chosen.facts()}
    record().audit.write(me().name, Act.TICKETS_EXPORTED, "tickets", facts)
    log.info("tickets_exported", user=me().name, tickets=found.count)
    tickets = record().tickets.each(wanted, chosen.by, down=chosen.down, at_once=AT_ONCE)
    name = f"lethe-tickets-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.csv"
    return Response(
        stream_with_context(csv_lines.of(HEADER, _rows(tickets))),
        content_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _rows(tickets: Iterator[Ticket]) -> Iterator[tuple[object, ...]]:
    for ticket in tickets:
        yield (
            ticket.id,
            ticket.state,
            ticket.model,
            ticket.subject,
            ticket.legal_ground,
            _utc(ticket.submitted_at),
            ticket.submitted_by,
            ticket.deadline,
            _utc(ticket.updated_at),
            ticket.photos,
            ticket.result.get("verdict", ""),
            ticket.result.get("version", ""),
            ticket.note,
            "yes" if ticket.archived else "no",
        )


def _utc(at: str) -> str:
    moment = datetime.fromisoformat(at).astimezone(UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
