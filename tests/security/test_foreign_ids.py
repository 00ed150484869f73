"""Ids of what is somebody else's, in every address that takes one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from storage.accounts.api_tokens import SCOPES
from storage.accounts.roles import Role
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.security.conftest import OWNER, House, anything, form_token
from tests.security.walk import Address, addresses
from tests.web.api.conftest import Caller
from tests.web.conftest import Visitor
from web.permissions import TABLE

# What belongs to one person alone, whatever the role of whoever asks.
PERSONAL = ("drafts.", "draft_photos.", "tokens.", "account.")


def personal(app: Flask) -> list[Address]:
    return [
        address
        for address in addresses(app)
        if address.endpoint.startswith(PERSONAL)
        and address.parts & {"ticket", "token", "session", "sha256"}
    ]


@pytest.mark.parametrize("role", list(Role))
def test_drafts_tokens_and_sessions_are_their_owner_s_alone(
    app: Flask, visit: Callable[..., Visitor], house: House, role: Role
) -> None:
    eve = visit(role, "eve")
    token, before = form_token(eve), house.objects()
    for address in personal(app):
        allowed = role in TABLE[address.endpoint]
        answer = eve.client.open(
            address.path(house.of(address.endpoint)),
            method=address.method,
            data={"csrf_token": token, **anything()},
        )
        assert answer.status_code == ((400, 404)[_hidden(address)] if allowed else 403), address
        assert house.owner.name not in answer.text, address
        assert "IMG_7" not in answer.text, address
    assert house.objects() == before
    assert house.owner.get("/account").status_code == 200


def _hidden(address: Address) -> bool:
    """Whether it is said that there is no such thing; else that it cannot be done."""
    return address.endpoint != "account.end_session"


def test_a_requester_moves_no_ticket_of_somebody_else_s(
    app: Flask,
    visit: Callable[..., Visitor],
    call: Callable[..., Caller],
    house: House,
    submitted: Callable[..., Ticket],
) -> None:
    """In each state in which its owner could, by the pages and by the API."""
    eve, program = visit(Role.REQUESTER, "eve"), call(Role.REQUESTER, "eve")
    fresh, token = submitted(OWNER).id, form_token(eve)
    before = house.objects()
    for address in addresses(app):
        if address.method == "GET" or "ticket" not in address.parts:
            continue
        if address.endpoint.startswith(PERSONAL):
            continue
        for ticket in (fresh, house.parts["ticket"]):
            path, data = address.path({"ticket": ticket}), anything()
            if address.endpoint.startswith("api."):
                if address.endpoint == "api.add_photos":
                    answer = program.open(
                        "POST", path.removeprefix("/api/v1"), data={"photos": data["photos"]}
                    )
                else:
                    answer = program.post(path.removeprefix("/api/v1"), {"reason": "because"})
            else:
                answer = eve.client.post(path, data={"csrf_token": token, **data})
            assert answer.status_code == 403, (address, answer.text)
    assert house.objects() == before


def test_many_at_once_are_no_way_around_that(
    visit: Callable[..., Visitor], house: House, submitted: Callable[..., Ticket]
) -> None:
    eve, ticket = visit(Role.REQUESTER, "eve"), submitted(OWNER)
    confirm = {"step": "cancel", "ticket": ticket.id}
    assert eve.post("/tickets/bulk", confirm, form="/account").status_code == 200
    seen = f"{ticket.id}:{len(house.record.tickets.events(ticket.id))}"
    for text in (seen, ticket.id, f"{ticket.id} 1", f"{ticket.id}@1"):
        eve.post("/tickets/bulk/perform", {"step": "cancel", "seen": text}, form="/account")
    for step in ("approve", "deny", "archive"):
        answer = eve.post("/tickets/bulk/perform", {"step": step, "seen": seen}, form="/account")
        assert answer.status_code == 403, step
    assert house.record.tickets.load(ticket.id).state is State.SUBMITTED


def test_a_draft_is_not_submitted_into_an_existing_ticket_s_place(
    visit: Callable[..., Visitor], house: House
) -> None:
    """Its id is chosen before: nobody chooses that of somebody else's ticket."""
    eve, before = visit(Role.APPROVER, "eve"), house.objects()
    for ticket in (house.parts["ticket"], house.draft):
        answer = eve.post(f"/tickets/drafts/{ticket}", anything(), form="/account")
        assert answer.status_code == 404
        assert eve.get(f"/tickets/drafts/{ticket}").status_code == 404
    assert house.objects() == before


def test_nobody_gets_at_other_people_s_accounts_but_admins(
    app: Flask, visit: Callable[..., Visitor], call: Callable[..., Caller], house: House
) -> None:
    before = house.objects()
    for role in (Role.REQUESTER, Role.APPROVER, Role.AUDITOR):
        eve, token = visit(role, f"eve-{role}"), ""
        program, token = call(role, f"eve-{role}", SCOPES[role]), form_token(eve)
        kept = {name for name in house.objects() if name not in before}
        for address in addresses(app):
            if not address.parts & {"user"} and not address.endpoint.startswith("user"):
                continue
            path = address.path(house.of(address.endpoint))
            if address.endpoint.startswith("api."):
                answer = program.open(address.method, path.removeprefix("/api/v1"), json={})
            else:
                data = {"csrf_token": token, **anything()}
                answer = eve.client.open(path, method=address.method, data=data)
            assert answer.status_code == 403, (role, address)
        assert {name: data for name, data in house.objects().items() if name not in kept} == before
        before = house.objects()


def test_photos_and_templates_have_no_address_for_anybody(
    app: Flask, visit: Callable[..., Visitor], house: House
) -> None:
    """What shows a person is not served: not to its owner, not to an admin, by no address."""
    pictures = [house.record.objects.get(name) for name in house.objects() if "photos/" in name]
    pictures += [house.record.objects.get(name) for name in house.objects() if "facesets/" in name]
    pictures = [data for data in pictures if data.startswith(b"\xff\xd8")]
    assert len(pictures) >= 6
    admin = visit(Role.ADMIN)
    for visitor in (admin, house.owner):
        for address in addresses(app):
            if address.method == "GET":
                path = address.path(house.of(address.endpoint))
                answer = visitor.get(path, buffered=True)
                assert not any(data[:400] in answer.data for data in pictures), address
