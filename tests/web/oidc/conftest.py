"""A desk whose people sign in at a provider: a real one on loopback, which also lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from flask import Flask
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from storage.record import Record
from storage.settings import Settings
from tests.web.conftest import Visitor
from tests.web.oidc.provider import CLIENT, SECRET, OpenIdProvider, new_key, serving
from web.app import create_app

PUBLIC = "https://lethe.example.org"
ROLES = {"lethe-admins": "admin", "lethe-approvers": "approver"}
ADA = {"sub": "a-1", "preferred_username": "ada", "roles": ["staff", "lethe-approvers"]}


@dataclass
class Desk:
    """A desk whose people sign in at the provider."""

    app: Flask
    record: Record
    provider: OpenIdProvider

    def visitor(self) -> Visitor:
        return Visitor(self.app.test_client())

    def sign_in(self, visitor: Visitor | None = None, **person: Any) -> TestResponse:
        self.provider.person = ADA | person
        visitor = visitor or self.visitor()
        return visitor.get(self.back(visitor))

    def back(self, visitor: Visitor, wanted: str = "") -> str:
        """Where the provider sends the visitor back to."""
        begun = visitor.get("/sign-in/oidc", query_string={"next": wanted})
        assert begun.status_code == 302, begun.text
        sent = requests.get(begun.headers["Location"], allow_redirects=False, timeout=5)
        assert sent.headers["Location"].startswith(f"{PUBLIC}/sign-in/oidc/callback?")
        return sent.headers["Location"].removeprefix(PUBLIC)

    def refuses(self, visitor: Visitor, answer: TestResponse) -> str:
        """What the page says; nobody is signed in."""
        assert answer.status_code == 403
        assert "Not signed in" in answer.text
        assert visitor.get("/tickets").status_code == 302
        return answer.text


@pytest.fixture(scope="module")
def keys() -> tuple[RSAKey, RSAKey]:
    return new_key(), new_key()


@pytest.fixture
def provider(keys: tuple[RSAKey, RSAKey]) -> Iterator[OpenIdProvider]:
    provider = OpenIdProvider(keys[0])
    with serving(provider):
        yield provider


@pytest.fixture
def configured(settings: Settings, provider: OpenIdProvider) -> Settings:
    return Settings(
        **settings.model_dump()
        | {
            "public_url": PUBLIC,
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
            "oidc_name": "Acme ID",
            "oidc_roles": ROLES,
        }
    )


@pytest.fixture
def desk(record: Record, configured: Settings, provider: OpenIdProvider) -> Desk:
    return Desk(create_app(configured), record, provider)
