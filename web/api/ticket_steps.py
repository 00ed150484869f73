"""What people do with tickets: approve, deny, cancel, retry, extend, archive, restore."""

from __future__ import annotations

import structlog

from storage.tickets.desk import Desk
from storage.tickets.ticket import Ticket
from web.accounts.signed_in import me
from web.api.contract import Resource
from web.api.problems import Refused
from web.api.ticket_documents import Decision, Denial, Extension, TicketDocument
from web.services import record, services
from web.tickets.actions import may_cancel

resource = Resource("Decisions", "What people decide about tickets.")
log = structlog.get_logger("web.api.tickets")


@resource.post("/tickets/<ticket>/approve", answer=TicketDocument, body=Decision)
def approve_ticket(ticket: str, body: Decision) -> TicketDocument:
    """Approve a ticket: its work begins."""
    return _done("approved", _desk().approve(ticket, me().name, body.reason))


@resource.post("/tickets/<ticket>/deny", answer=TicketDocument, body=Denial)
def deny_ticket(ticket: str, body: Denial) -> TicketDocument:
    """Deny a ticket; its photos are removed."""
    return _done("denied", _desk().deny(ticket, me().name, body.reason))


@resource.post("/tickets/<ticket>/cancel", answer=TicketDocument, body=Decision)
def cancel_ticket(ticket: str, body: Decision) -> TicketDocument:
    """Cancel a ticket; its photos are removed."""
    if not may_cancel(record().tickets.get(ticket)):
        raise Refused(403, "Requesters cancel what they submitted themselves, nobody else's.")
    return _done("cancelled", _desk().cancel(ticket, me().name, body.reason))


@resource.post("/tickets/<ticket>/retry", answer=TicketDocument)
def retry_ticket(ticket: str) -> TicketDocument:
    """Put a failed or refused ticket back to work."""
    return _done("retried", _desk().retry(ticket, me().name))


@resource.post("/tickets/<ticket>/extend", answer=TicketDocument, body=Extension)
def extend_ticket(ticket: str, body: Extension) -> TicketDocument:
    """Put a ticket's deadline off, within what GDPR Art. 12(3) allows."""
    return _done("extended", _desk().extend(ticket, body.deadline, me().name, body.reason))


@resource.post("/tickets/<ticket>/archive", answer=TicketDocument, body=Decision)
def archive_ticket(ticket: str, body: Decision) -> TicketDocument:
    """Take an ended ticket out of the lists; the record keeps it."""
    return _done("archived", _desk().archive(ticket, me().name, body.reason))


@resource.post("/tickets/<ticket>/restore", answer=TicketDocument, body=Decision)
def restore_ticket(ticket: str, body: Decision) -> TicketDocument:
    """Put an archived ticket back into the lists."""
    return _done("restored", _desk().restore(ticket, me().name, body.reason))


def _desk() -> Desk:
    return services().desk


def _done(what: str, ticket: Ticket) -> TicketDocument:
    log.info(f"ticket_{what}", ticket=ticket.id, user=me().name)
    return TicketDocument.of(ticket)
