"""Tickets: listed, shown, and followed while the work goes on."""

from __future__ import annotations

from datetime import datetime

from flask import Response

from storage.tickets.registry import NoSuchTicket
from storage.tickets.ticket_search import Order, Place, Wanted, search
from web.api.contract import JSON, Resource
from web.api.pages import next_page
from web.api.problems import bad_fields
from web.api.ticket_documents import (
    EventDocument,
    Events,
    ProgressDocument,
    TicketDocument,
    TicketPage,
    TicketQuery,
)
from web.certificates import file, key, report
from web.services import record
from web.tickets import progress

resource = Resource("Tickets", "One request each to erase one subject from one model.")


@resource.get("/tickets", answer=TicketPage, query=TicketQuery, also=("Link",))
def list_tickets(query: TicketQuery) -> tuple[TicketPage, dict[str, str]]:
    """List tickets: filtered, in the order asked for, the newest first unless asked otherwise."""
    wanted = Wanted(
        states=frozenset({query.state} if query.state else ()),
        model=query.model,
        submitted_by=query.submitted_by,
        due_from=query.due_from,
        due_to=query.due_to,
        text=query.text,
        archived=query.archived,
    )
    found = search(
        record().redis,
        wanted,
        query.order,
        down=query.direction == "descending",
        limit=query.limit,
        after=_place(query.after, query.order),
        counted=False,
    )
    tickets = record().tickets.index.tickets(found.ids)
    items = [TicketDocument.of(ticket) for ticket in tickets if ticket]
    address, headers = next_page(query, str(found.last) if found.more else None)
    return TicketPage(items=items, next=address), headers


def _place(after: str | None, order: Order) -> Place | None:
    """The place of a cursor, or right behind a ticket where its id is given."""
    if after is None or "_" in after:
        return Place.parse(after) if after else None
    try:
        ticket = record().tickets.get(after)
    except NoSuchTicket as error:
        raise bad_fields([{"parameter": "after", "detail": str(error)}]) from None
    at = {
        Order.SUBMITTED: datetime.fromisoformat(ticket.submitted_at),
        Order.DEADLINE: ticket.due,
        Order.CHANGED: datetime.fromisoformat(ticket.updated_at),
    }
    return Place(repr(at[order].timestamp()), ticket.id)


@resource.get("/tickets/<ticket>", answer=TicketDocument)
def show_ticket(ticket: str) -> TicketDocument:
    """Show a ticket."""
    return TicketDocument.of(record().tickets.get(ticket))


@resource.get("/tickets/<ticket>/events", answer=Events)
def list_events(ticket: str) -> Events:
    """List a ticket's events, in their order."""
    events = record().tickets.events(ticket)
    return Events(items=[EventDocument.of(event) for event in events])


@resource.get("/tickets/<ticket>/progress", answer=ProgressDocument)
def show_progress(ticket: str) -> ProgressDocument:
    """Show where the work is: ask again every second or two, with If-None-Match."""
    return ProgressDocument.model_validate(progress.document(record().tickets.get(ticket)))


@resource.get("/tickets/<ticket>/certificate", media=JSON)
def download_certificate(ticket: str) -> Response:
    """Download the signed certificate: `lethe certificate verify` checks it anywhere."""
    return file(ticket)


@resource.get("/tickets/<ticket>/report", media="text/html")
def download_report(ticket: str) -> Response:
    """Download the report, one file with its figures."""
    return report(ticket)


@resource.get("/tickets/<ticket>/public-key", media="application/x-pem-file")
def download_key(ticket: str) -> Response:
    """Download the public key that the ticket's certificate names."""
    return key(ticket)
