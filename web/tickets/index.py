"""Tickets: the list. One ticket's page is in ``ticket.py``, the form in ``new_ticket.py``."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from web.accounts.signed_in import me
from web.services import record
from web.tickets import ticket_bulk, ticket_filter
from web.tickets.ticket_filter import DUE, ORDERS, Filter

SHOWN = 50  # tickets on a page of the list
CHOSEN = 100  # models to choose from; of more one gives the name

pages = Blueprint("tickets", __name__)


@pages.get("/tickets")
def index() -> str:
    models = record().models.registered()
    chosen = Filter.parse(request.args, models)
    tickets, found = record().tickets.page(
        chosen.wanted(me().name),
        chosen.by,
        down=chosen.down,
        limit=SHOWN,
        after=ticket_filter.place(request.args.get("after")),
        before=ticket_filter.place(request.args.get("before")),
    )
    return render_template(
        "tickets.html",
        tickets=tickets,
        found=found,
        filter=chosen,
        query=chosen.query(),
        chips=chosen.chips(),
        models=sorted(models) if len(models) <= CHOSEN else None,
        orders=ORDERS,
        dues=DUE,
        steps=ticket_bulk.steps(),
    )
