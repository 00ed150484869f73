"""Headers of every answer there is, and cookies."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from storage.accounts.roles import Role
from storage.record import Record
from storage.settings import Settings
from tests.security.conftest import OWNER, House
from tests.security.walk import addresses
from tests.web.api.conftest import Caller
from tests.web.conftest import PASSWORD, Visitor
from web.app import create_app
from web.headers import CSP, REPORT_CSP
from web.tickets.drawings import DRAWING_CSP

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
STRANGE = (
    "/nowhere",
    "/api/v1/nowhere",
    "/static/nowhere.js",
    "/sign-in/",
    "//",
    "/%00",
)


def answers(app: Flask, house: House, visitor: Visitor, token: str) -> Iterator[TestResponse]:
    for address in addresses(app):
        path = address.path(house.of(address.endpoint))
        bearer = {"Authorization": f"Bearer {token}"} if "/api/" in path else {}
        yield visitor.client.open(path, method=address.method, headers=bearer, buffered=True)
        yield visitor.client.open(path, method="OPTIONS", buffered=True)
    for path in STRANGE:
        yield visitor.get(path)


@pytest.mark.parametrize("role", [Role.ADMIN, None], ids=["admin", "stranger"])
def test_every_answer_has_every_header_and_no_cache_keeps_it(
    app: Flask,
    visit: Callable[..., Visitor],
    call: Callable[..., Caller],
    house: House,
    role: Role | None,
) -> None:
    visitor = visit(role) if role else Visitor(app.test_client())
    token = call(Role.ADMIN).secret if role else ""
    for answer in answers(app, house, visitor, token):
        where = (answer.request.method, answer.request.path, answer.status_code)
        assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS, where
        policy = answer.headers["Content-Security-Policy"]
        assert policy in {CSP, REPORT_CSP, DRAWING_CSP}, where
        if not answer.request.path.startswith("/static/"):
            assert answer.headers["Cache-Control"] == "no-store", where
        assert "Access-Control-Allow-Origin" not in answer.headers, where
        if answer.headers.get("Content-Type", "").startswith("text/"):
            assert "charset=utf-8" in answer.headers["Content-Type"], where


def test_the_policies_let_no_script_in_that_is_not_a_file_of_ours() -> None:
    assert "script-src" not in CSP  # default-src holds
    assert "'unsafe" not in CSP
    for policy in (CSP, REPORT_CSP, DRAWING_CSP):
        assert "frame-ancestors 'none'" in policy
        assert "*" not in policy
        assert "unsafe-eval" not in policy
    for policy in (REPORT_CSP, DRAWING_CSP):
        assert "sandbox" in policy
        assert "default-src 'none'" in policy


def test_over_tls_cookies_are_this_host_s_alone_and_out_of_reach_of_scripts(
    record: Record, settings: Settings
) -> None:
    record.users.add("ada", Role.ADMIN, PASSWORD)
    app = create_app(settings.model_copy(update={"secure_cookies": True}))
    ada = Visitor(app.test_client())
    secure = {"base_url": "https://localhost"}
    page = ada.client.get("/sign-in", **secure)
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    sent = {"csrf_token": token, "name": "ada", "password": PASSWORD}
    referred = {"Referer": "https://localhost/sign-in"}
    answer = ada.client.post("/sign-in", data=sent, headers=referred, **secure)
    assert answer.status_code == 303
    chosen = ada.client.post(
        "/language",
        data={"csrf_token": _token(ada, secure), "language": "ru"},
        headers=referred,
        **secure,
    )
    cookies = [cookie for each in (page, answer, chosen) for cookie in _cookies(each)]
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-lethe", "language"}
    for cookie in cookies:
        flags = {part.strip() for part in cookie.split(";")[1:]}
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= flags, cookie
        assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=63072000")


def _token(visitor: Visitor, secure: dict[str, str]) -> str:
    text = visitor.client.get("/account", **secure).text  # type: ignore[arg-type]
    return text.split('name="csrf_token" value="')[1].split('"')[0]


def _cookies(answer: TestResponse) -> list[str]:
    return answer.headers.getlist("Set-Cookie")


def test_an_etag_opens_nothing_to_who_has_no_token(
    house: House, call: Callable[..., Caller]
) -> None:
    caller = call(Role.REQUESTER, OWNER)
    path = f"/tickets/{house.parts['ticket']}"
    etag = caller.get(path).headers["ETag"]
    for condition in (etag, "*"):
        sent = {"If-None-Match": condition, "If-Match": condition}
        stranger = caller.client.get(f"/api/v1{path}", headers=sent)
        assert (stranger.status_code, stranger.headers.get("ETag")) == (401, None)
        bad = {"Authorization": "Bearer lethe_x", **sent}
        assert caller.client.get(f"/api/v1{path}", headers=bad).status_code == 401
    cancel = caller.post(f"{path}/cancel", {}, headers={"If-None-Match": etag, "If-Match": '"x"'})
    assert cancel.status_code in {200, 412}  # never a 304 in which nothing was done
