"""One step with many tickets: shown before, done after, each by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest

from storage.accounts.users import Role
from storage.queue import Queue
from storage.record import Record
from storage.settings import Settings
from storage.store.objects import StoreUnavailable
from storage.tickets import bulk
from storage.tickets.bulk import MOST, Outcome, Seen, Step
from storage.tickets.desk import Desk
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.conftest import PASSWORD, Visitor
from web.app import create_app
from web.operations import fleet
from web.services import services

S = State
Submit = Callable[..., Ticket]
Visit = Callable[..., Visitor]
SCRIPT = "<script>alert(1)</script>"


def confirm(visitor: Visitor, step: str, tickets: list[str]) -> str:
    answer = visitor.post("/tickets/bulk", {"step": step, "ticket": tickets, "back": "/tickets"})
    assert answer.status_code == 200, answer.text
    return answer.text


def seen(page: str) -> list[str]:
    return [unescape(value) for value in re.findall(r'name="seen" value="([^"]+)"', page)]


def perform(visitor: Visitor, step: str, page: str, reason: str = "") -> str:
    given = {"step": step, "seen": seen(page), "reason": reason, "back": "/tickets?q=x"}
    answer = visitor.post("/tickets/bulk/perform", given)
    assert answer.status_code == 200, answer.text
    return answer.text


def states(record: Record, tickets: list[Ticket]) -> list[State]:
    return [record.tickets.load(ticket.id).state for ticket in tickets]


def test_what_will_happen_is_shown_first_and_nothing_is_done_by_it(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    waiting, ended = submitted(), submitted(then=[S.DENIED])
    page = confirm(visit(Role.APPROVER), "approve", [waiting.id, ended.id, waiting.id])
    assert [each.partition("@")[0] for each in seen(page)] == [waiting.id]
    assert "Approve these tickets?" in page
    assert "it is in the state “Denied”" in page
    assert states(record, [waiting, ended]) == [S.SUBMITTED, S.DENIED]


def test_chosen_tickets_are_approved_and_each_has_its_own_event_and_task(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    tickets, paul = [submitted() for _ in range(3)], visit(Role.APPROVER)
    page = confirm(paul, "approve", [ticket.id for ticket in tickets])
    result = perform(paul, "approve", page)
    assert "Approved: 3 of 3" in result
    assert 'href="/tickets?q=x"' in result
    for ticket in tickets:
        last = record.tickets.events(ticket.id)[-1]
        assert (last.state, last.actor) == (S.APPROVED, "approver")
    with paul.client.application.app_context():
        assert fleet.queue_lengths(services().queue)["cpu"] == 3


def test_a_denial_gives_one_reason_to_each_and_removes_the_photos(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    tickets, paul = [submitted(), submitted()], visit(Role.APPROVER)
    page = confirm(paul, "deny", [ticket.id for ticket in tickets])
    given = {"step": "deny", "seen": seen(page), "reason": "  "}
    assert paul.post("/tickets/bulk/perform", given).status_code == 400
    assert states(record, tickets) == [S.SUBMITTED, S.SUBMITTED]
    assert "Denied: 2 of 2" in perform(paul, "deny", page, SCRIPT)
    for ticket in tickets:
        found = record.tickets.load(ticket.id)
        assert (found.state, found.note) == (S.DENIED, SCRIPT)
        assert record.photos.left(ticket.id) == 0
    assert SCRIPT not in paul.get("/tickets?state=denied").text


def test_a_ticket_that_somebody_else_moved_meanwhile_is_named_and_the_others_go_on(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    tickets, paul = [submitted() for _ in range(3)], visit(Role.APPROVER)
    page = confirm(paul, "cancel", [ticket.id for ticket in tickets])
    record.tickets.move(tickets[1].id, S.APPROVED, "grace")  # could be cancelled all the same
    result = perform(paul, "cancel", page)
    assert "Cancelled: 2 of 3" in result
    assert f"ticket {tickets[1].id}: somebody moved it meanwhile; it is approved now" in result
    assert states(record, tickets) == [S.CANCELLED, S.APPROVED, S.CANCELLED]
    again = perform(paul, "cancel", page)  # sent twice, say by the key that loads a page anew
    assert "Cancelled: 0 of 3" in again
    assert states(record, tickets) == [S.CANCELLED, S.APPROVED, S.CANCELLED]


def test_ended_tickets_are_archived_together(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    tickets, paul = [submitted(then=[S.DENIED]), submitted(then=[S.DENIED])], visit(Role.APPROVER)
    page = confirm(paul, "archive", [ticket.id for ticket in tickets])
    assert "Archived: 2 of 2" in perform(paul, "archive", page)
    assert {ticket.id for ticket in record.tickets.archived()} == {item.id for item in tickets}
    assert "it is archived" in confirm(paul, "archive", [tickets[0].id])


def test_requesters_cancel_what_is_theirs_and_nothing_else(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    own, other = submitted("requester"), submitted("somebody")
    rita = visit(Role.REQUESTER)
    page = confirm(rita, "cancel", [own.id, other.id])
    assert [each.partition("@")[0] for each in seen(page)] == [own.id]
    assert "somebody else submitted it" in page
    forged = [*seen(page), f"{other.id}@{other.updated_at}"]
    answer = rita.post("/tickets/bulk/perform", {"step": "cancel", "seen": forged})
    assert "Cancelled: 1 of 2" in answer.text
    assert states(record, [own, other]) == [S.CANCELLED, S.SUBMITTED]
    for step in ("approve", "deny", "archive"):
        for path in ("/tickets/bulk", "/tickets/bulk/perform"):
            assert rita.post(path, {"step": step, "ticket": [own.id]}).status_code == 403, step


def test_four_eyes_leave_alone_what_an_approver_submitted(
    record: Record, settings: Settings, submitted: Submit
) -> None:
    own, other = submitted("ada"), submitted("grace")
    ada = Visitor(create_app(settings.model_copy(update={"four_eyes": True})).test_client())
    record.users.add("ada", Role.APPROVER, PASSWORD)
    ada.post("/sign-in", {"name": "ada", "password": PASSWORD}, form="/sign-in")
    page = confirm(ada, "approve", [own.id, other.id])
    assert [each.partition("@")[0] for each in seen(page)] == [other.id]
    assert "you submitted it, and somebody else must approve it" in page
    forged = [*seen(page), f"{own.id}@{own.updated_at}"]
    answer = ada.post("/tickets/bulk/perform", {"step": "approve", "seen": forged})
    assert "Approved: 1 of 2" in answer.text
    assert "ada submitted it, and somebody else must approve it" in answer.text
    assert states(record, [own, other]) == [S.SUBMITTED, S.APPROVED]


def test_the_list_offers_the_steps_that_the_role_may_take(visit: Visit, submitted: Submit) -> None:
    submitted()
    for role, steps in {
        Role.AUDITOR: [],
        Role.REQUESTER: ["cancel"],
        Role.APPROVER: ["approve", "deny", "cancel", "archive"],
    }.items():
        page = visit(role).get("/tickets").text
        assert re.findall(r'<button name="step" value="(\w+)"', page) == steps
        assert ('name="ticket"' in page) is bool(steps)


def test_nobody_gets_far_with_too_many_none_or_what_no_list_named(
    visit: Visit, submitted: Submit
) -> None:
    ticket, paul = submitted(), visit(Role.APPROVER)
    none = paul.post("/tickets/bulk", {"step": "approve", "back": "//evil.example/x"})
    assert (none.status_code, none.headers["Location"]) == (303, "/")
    many = [f"t{number:012d}" for number in range(MOST + 1)]
    for path, given, status in (
        ("/tickets/bulk", {"step": "approve", "ticket": many}, 400),
        ("/tickets/bulk", {"step": "promote", "ticket": [ticket.id]}, 400),
        ("/tickets/bulk", {"step": "approve", "ticket": ["../users"]}, 404),
        ("/tickets/bulk/perform", {"step": "approve", "seen": [ticket.id]}, 400),
        ("/tickets/bulk/perform", {"step": "approve", "seen": ["../x@2026-01-01"]}, 404),
    ):
        assert paul.post(path, given).status_code == status, given


def test_where_the_store_is_gone_nothing_more_is_tried(
    record: Record, settings: Settings, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    tickets = [submitted() for _ in range(3)]
    desk, calls = Desk(record, Queue(settings)), []

    def approve(ticket: str, actor: str, note: str = "") -> Ticket:
        calls.append(ticket)
        if len(calls) == 2:
            raise StoreUnavailable("the store is away")
        return Desk.approve(desk, ticket, actor, note)

    monkeypatch.setattr(desk, "approve", approve)
    given = [Seen(ticket.id, ticket.updated_at) for ticket in tickets]
    assert bulk.perform(record, desk, Step.APPROVE, given, "grace", "") == [
        Outcome(tickets[0].id, S.APPROVED),
        Outcome(tickets[1].id, None, "not confirmed: the store is away"),
        Outcome(tickets[2].id, None, "not tried: the store is away"),
    ]
    assert states(record, tickets) == [S.APPROVED, S.SUBMITTED, S.SUBMITTED]
