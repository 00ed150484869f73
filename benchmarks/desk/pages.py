"""What lists and tickets' pages cost on one core, and how that grows with the tickets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from urllib.parse import urlencode

from benchmarks.desk.one_core import OneCore
from benchmarks.desk.special import TRIES, Special
from benchmarks.desk.table import Row
from benchmarks.load.crowd import model_names
from storage.tickets.states import State
from storage.tickets.ticket_search import Place, Wanted
from web.tickets.ticket_filter import DUE, ORDERS

LIST, TICKET = 80.0, 60.0  # ms at p95
STATES = ((), (State.SUBMITTED,), (State.SUBMITTED, State.QUEUED), (State.COMPLETED,))
TEXTS = ("", "dsr", "dsr-99", "nowhere")


def paths(waiting: str, special: Special, model: str) -> dict[str, str]:
    """Of the site's pages, by what they are."""
    return {
        "desk": "/",
        "list of tickets": "/tickets",
        "ticket that waits": f"/tickets/{waiting}",
        "ticket that is being unlearned": f"/tickets/{special.unlearning[0]}",
        "completed ticket": f"/tickets/{special.completed[0]}",
        "its certificate": f"/tickets/{special.completed[0]}/certificate",
        "form of a new ticket": "/tickets/new",
        "list of models": "/models",
        "model": f"/models/{model}",
        "two versions compared": f"/models/{model}/compare",
        "face sets": "/face-sets",
        "users": "/users",
        "audit log": "/audit",
        "system": "/system",
        "settings": "/settings",
        "account": "/account",
        "reference of the API": "/api",
    }


def lists(core: OneCore, times: int, stride: int) -> Iterator[Row]:
    """
    Args:
        stride: 1 measures each way to filter a list, n every n-th.
    """
    middle, russian = _middle(core), {"Accept-Language": "ru"}
    asks = {
        "list": core.page("/tickets"),
        "list, in Russian": core.page("/tickets", russian),
        "list, from the middle on": core.page(f"/tickets?after={middle}"),
        "list, up to the middle": core.page(f"/tickets?before={middle}"),
        "list, by the API": core.api("GET", "/tickets"),
    }
    for what, ask in asks.items():
        yield Row(what, core.again(ask, times), LIST)
    every = [core.page(f"/tickets?{query}") for query in combinations()[::stride]]
    yield Row("list, each way to filter and sort it", core.each(every), LIST)


def combinations() -> list[str]:
    """Every way to narrow and to order a list, as queries."""
    model = model_names(1)[0]
    found = product(ORDERS, ("", *DUE), STATES, ("", model), TEXTS, ("", "1"))
    return [
        urlencode(
            {"sort": sort, "due": due, "state": states, "model": name, "q": text, "mine": mine},
            doseq=True,
        )
        for sort, due, states, name, text, mine in found
    ]


def _middle(core: OneCore) -> Place | None:
    page = core.web.house.record.tickets.page
    return page(Wanted(), limit=page(Wanted(), limit=1)[1].count // 2)[1].last


def tickets(core: OneCore, special: Special, ids: Sequence[str], times: int) -> Iterator[Row]:
    """First looks are at another ticket each time: nothing of it was read before."""
    kinds = {
        "ticket": ids,
        "completed ticket": special.completed,
        "ticket that is being unlearned": special.unlearning,
        f"ticket that was tried {TRIES} times": special.often_tried,
    }
    for what, chosen in kinds.items():
        first, *asks = [core.page(f"/tickets/{ticket}") for ticket in chosen]
        first()  # templates are compiled once a process
        yield Row(f"{what}, first look", core.each(asks), TICKET)
        yield Row(f"{what}, again", core.again(first, times), TICKET)
    poll = core.page(f"/tickets/{special.unlearning[0]}/progress")
    yield Row("its progress, which the page asks for", core.again(poll, times), TICKET)
    yield Row(
        "ticket, by the API", core.again(core.api("GET", f"/tickets/{ids[0]}"), times), TICKET
    )
