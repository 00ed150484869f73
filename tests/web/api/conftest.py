"""Programs that call the API, each with a token of its own."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from storage.accounts.api_tokens import SCOPES, Scope
from storage.accounts.users import Role
from storage.record import Record
from tests.web.conftest import MODEL, PASSWORD, SUBJECT, jpeg

GOOD = {f"IMG_{seed}.jpg": jpeg(seed) for seed in range(3)}


@dataclass
class Caller:
    """A program: a token, and no cookies."""

    client: FlaskClient
    name: str
    secret: str

    def open(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.secret}", **options.pop("headers", {})}
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.open("GET", path, **options)

    def post(self, path: str, body: object = None, **options: Any) -> TestResponse:
        if body is not None:
            options["json"] = body
        return self.open("POST", path, **options)

    def submit(
        self, photos: Mapping[str, bytes] = GOOD, *, key: str | None = None, **fields: str
    ) -> TestResponse:
        data = {
            "model": MODEL,
            "subject": SUBJECT,
            "deadline": (datetime.now(UTC).date() + timedelta(days=30)).isoformat(),
            **fields,
            "photos": [(io.BytesIO(content), name) for name, content in photos.items()],
        }
        headers = {"Idempotency-Key": key} if key is not None else {}
        return self.open("POST", "/tickets", data=data, headers=headers)


@pytest.fixture
def call(app: Flask, record: Record) -> Callable[..., Caller]:
    """A program of a new user of a role; with every scope that the role has use for."""

    def caller(
        role: Role, name: str | None = None, scopes: Collection[Scope] | None = None
    ) -> Caller:
        name = name or str(role)
        if record.users.get(name) is None:
            record.users.add(name, role, PASSWORD)
        given = SCOPES[role] if scopes is None else scopes
        _, secret = record.api_tokens.issue(name, "tests", given, 1, name)
        return Caller(app.test_client(use_cookies=False), name, secret)

    return caller
