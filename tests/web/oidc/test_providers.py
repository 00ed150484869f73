"""A provider that lies about itself, fails and stalls."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import requests
from flask import Response

from storage.accounts.users import Role
from storage.record import Record
from storage.settings import Settings
from tests.web.conftest import PASSWORD
from tests.web.oidc.conftest import PUBLIC, Desk
from tests.web.oidc.provider import OpenIdProvider, new_key
from web.accounts import oidc_provider
from web.app import create_app


def _large() -> Response:
    return Response(b" " * (oidc_provider.MOST_BYTES + 1))


def _slow() -> Response:
    return Response((b" " for _ in iter(lambda: time.sleep(0.05), 1)), 200)


FAILURES: dict[str, Callable[[], Response]] = {
    "an error": lambda: Response("out of order", 500),
    "no JSON": lambda: Response("<html>", 200),
    "a list": lambda: Response("[]", 200),
    "elsewhere": lambda: Response("", 302, {"Location": "http://127.0.0.1:9/"}),
    "too much": _large,
    "too slowly": _slow,
}


@pytest.mark.parametrize("part", ["/.well-known/openid-configuration", "/token", "/jwks"])
def test_a_provider_that_fails_gets_the_503_page_with_its_name(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(oidc_provider, "SECONDS", 0.2)
    monkeypatch.setattr(oidc_provider, "REST_SECONDS", 0)
    for failure, instead in FAILURES.items():
        visitor = desk.visitor()
        desk.provider.instead[part] = instead
        answer = visitor.get("/sign-in/oidc")
        if answer.status_code == 302:
            sent = requests.get(answer.headers["Location"], allow_redirects=False, timeout=5)
            answer = visitor.get(sent.headers["Location"].removeprefix(PUBLIC))
        assert answer.status_code == 503, failure
        assert "Acme ID (127.0.0.1), which signs people in here" in answer.text
        assert visitor.get("/tickets").status_code == 302
    desk.provider.instead.clear()
    assert desk.sign_in().status_code == 303


def test_a_provider_that_names_what_cannot_be_is_not_used(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_provider, "REST_SECONDS", 0)
    for said in (
        {"issuer": "https://id.evil.example"},
        {"token_endpoint": "http://id.evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "https://[::1"},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
        {"id_token_signing_alg_values_supported": 7},
    ):
        desk.provider.discovery = said
        assert desk.visitor().get("/sign-in/oidc").status_code == 503, said


def test_a_provider_that_is_down_is_not_asked_again_at_once_and_passwords_still_work(
    record: Record, configured: Settings
) -> None:
    down = configured.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    desk = Desk(create_app(down), record, OpenIdProvider(new_key()))
    record.users.add("root", Role.ADMIN, PASSWORD)
    visitor = desk.visitor()
    for _ in range(2):
        assert visitor.get("/sign-in/oidc").status_code == 503
    answer = visitor.post("/sign-in", {"name": "root", "password": PASSWORD}, form="/sign-in")
    assert answer.status_code == 303
