"""What whoever is signed in may do with one ticket, as it stands now."""

from __future__ import annotations

from storage.accounts.users import Role
from storage.tickets.states import TRANSITIONS, State
from storage.tickets.ticket import Ticket
from web.accounts.signed_in import me
from web.permissions import may
from web.services import services


def actions(ticket: Ticket) -> frozenset[str]:
    """Those that role and state allow, by the names of their endpoints."""
    after = TRANSITIONS[ticket.state]
    possible = {
        "approve": ticket.state is State.SUBMITTED
        and services().desk.may_approve(ticket, me().name),
        "deny": State.DENIED in after,
        "cancel": State.CANCELLED in after and may_cancel(ticket),
        "retry": ticket.state in {State.FAILED, State.NEEDS_REVIEW},
        "extend": ticket.open and ticket.days_left >= 0,
        "add_photos": ticket.state is State.NEEDS_PHOTOS and may_add_photos(ticket),
        "archive": not ticket.open and not ticket.archived,
        "restore": not ticket.open and ticket.archived,
    }
    return frozenset(
        action for action, allowed in possible.items() if allowed and may(f"tickets.{action}")
    )


def may_cancel(ticket: Ticket) -> bool:
    """Requesters take back what they submitted themselves, nobody else's."""
    return _own(ticket) and may("tickets.cancel")


def may_add_photos(ticket: Ticket) -> bool:
    """Requesters add to what they submitted themselves, to nobody else's."""
    return _own(ticket) and may("tickets.add_photos")


def _own(ticket: Ticket) -> bool:
    return me().role is not Role.REQUESTER or ticket.submitted_by == me().name
