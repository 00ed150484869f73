"""Requests that no page of ours sent: from another site, by another method, of another kind."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask

from storage.accounts.roles import Role
from tests.security.conftest import House, anything, form_token
from tests.security.walk import addresses
from tests.web.conftest import PASSWORD, Visitor

_BOTH = re.compile(r"expired or did not come from this site")


def test_no_page_takes_a_form_without_the_token_of_this_very_session(
    app: Flask, visit: Callable[..., Visitor], house: House
) -> None:
    """CSRF: the cookie goes along with what another site sends, the token does not."""
    admin, theirs = visit(Role.ADMIN), form_token(house.owner)
    before, seen = house.objects(), 0
    for address in addresses(app):
        if address.method == "GET" or address.endpoint.startswith("api."):
            continue
        for token in ("", theirs):
            answer = admin.client.open(
                address.path(house.of(address.endpoint)),
                method=address.method,
                data={"csrf_token": token, **anything()},
                headers={"X-CSRFToken": token},
            )
            assert answer.status_code == 400, (address, token)
            assert _BOTH.search(answer.text), (address, token)
        seen += 1
    assert seen > 40
    assert house.objects() == before
    assert admin.get("/tickets").status_code == 200  # nobody was signed out by it


def test_a_body_that_a_site_may_send_without_asking_is_no_form(
    visit: Callable[..., Visitor], house: House
) -> None:
    admin, path = visit(Role.ADMIN), f"/users/{house.parts['user']}/role"
    fields = f"role=admin&csrf_token={form_token(admin)}"
    for kind in ("text/plain", "application/json", "application/xml", ""):
        answer = admin.client.post(path, data=fields, content_type=kind)
        assert answer.status_code == 400, kind
    assert house.record.users.find(house.parts["user"]).role is Role.REQUESTER


def test_nothing_is_changed_by_looking(
    app: Flask, visit: Callable[..., Visitor], house: House
) -> None:
    """Every page is asked for, by GET and by HEAD; what a link or an image can do is no more."""
    admin, before = visit(Role.ADMIN), house.objects()
    for visitor, method in ((admin, "GET"), (house.owner, "HEAD")):
        for address in addresses(app):
            if address.method == "GET":
                path = address.path(house.of(address.endpoint))
                answer = visitor.client.open(path, method=method, buffered=True)
                assert answer.status_code < 500, (address, answer.text)
    assert house.objects() == before
    assert admin.get("/account").status_code == house.owner.get("/account").status_code == 200


def test_a_method_that_an_address_lacks_is_refused_whatever_else_is_said(
    app: Flask, visit: Callable[..., Visitor], house: House
) -> None:
    admin, before = visit(Role.ADMIN), house.objects()
    token = form_token(admin)
    has: dict[str, set[str]] = {}
    for address in addresses(app):
        path = address.path(house.of(address.endpoint))
        has.setdefault(path, {"OPTIONS"}).add(address.method)
    for path, methods in has.items():
        for method in ("GET", "POST", "DELETE", "TRACE"):
            if method in methods:
                continue
            answer = admin.client.open(
                path,
                method=method,
                data={"csrf_token": token, "_method": "POST", **anything()},
                headers={"X-HTTP-Method-Override": "POST", "X-CSRFToken": token},
            )
            assert answer.status_code in {404, 405}, (method, path)
    assert house.objects() == before


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_makes_another_method_of_a_get(
    visit: Callable[..., Visitor], house: House, header: str
) -> None:
    admin = visit(Role.ADMIN)
    path = f"/users/{house.parts['user']}/disable?_method=POST&csrf_token={form_token(admin)}"
    assert admin.get(path, headers={header: "POST"}).status_code == 405
    assert house.record.users.find(house.parts["user"]).enabled


def test_a_form_that_signs_in_is_guarded_too(app: Flask, visit: Callable[..., Visitor]) -> None:
    """Else another site could sign somebody in as the attacker."""
    visit(Role.ADMIN)
    browser = app.test_client()
    sent = {"name": "admin", "password": PASSWORD}
    assert browser.post("/sign-in", data=sent).status_code == 400
    assert browser.get("/tickets").status_code == 302
