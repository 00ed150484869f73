"""Four eyes in the pages."""

from __future__ import annotations

from collections.abc import Callable

from storage.accounts.users import Role
from storage.record import Record
from storage.settings import Settings
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.conftest import PASSWORD, Visitor
from web.app import create_app


def test_who_submitted_is_not_offered_the_approval_and_is_refused_it(
    record: Record, settings: Settings, submitted: Callable[..., Ticket]
) -> None:
    strict = create_app(settings.model_copy(update={"four_eyes": True}))
    ticket = submitted("ada")
    visitors = {}
    for name in ("ada", "grace"):
        record.users.add(name, Role.APPROVER, PASSWORD)
        visitors[name] = Visitor(strict.test_client())
        visitors[name].post("/sign-in", {"name": name, "password": PASSWORD}, form="/sign-in")
    path = f"/tickets/{ticket.id}"
    assert f"{path}/approve" not in visitors["ada"].get(path).text
    assert f"{path}/approve" in visitors["grace"].get(path).text
    page = visitors["ada"].post(f"{path}/approve", form="/account")
    assert (page.status_code, "somebody else must approve it" in page.text) == (403, True)
    assert "<h1>Somebody else must approve this</h1>" in page.text
    assert "it still waits for approval" in page.text
    assert record.tickets.get(ticket.id).state is State.SUBMITTED
    assert visitors["grace"].post(f"{path}/approve", form="/account").status_code == 303
