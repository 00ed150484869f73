"""The application over real servers, and visitors of each role who press its buttons."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from storage.accounts import passwords
from storage.accounts.users import Role
from storage.models.registry import Model, Version
from storage.queue import Queue
from storage.record import Record
from storage.settings import Settings
from storage.tickets.desk import Desk
from storage.tickets.photos import Photo
from storage.tickets.request import LegalGround, Request
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from web.accounts.sign_in import make_sign_in_link_token
from web.app import create_app

PASSWORD = "correct horse battery"
MODEL = "door-cameras"
SUBJECT = "DSR-2026-0142"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def jpeg(seed: int, size: int = 48) -> bytes:
    """A picture of noise, a different one for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


@dataclass
class Visitor:
    """A browser: cookies, and the hidden token of the forms that it sends."""

    client: FlaskClient
    name: str = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, form: str = "/face-sets"
    ) -> TestResponse:
        """Sends a form with the token that the page ``form`` shows."""
        found = _TOKEN.search(self.get(form).text)
        token = found.group(1) if found else ""
        return self.client.post(path, data={"csrf_token": token, **(data or {})})


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Still argon2id, at its least cost: these tests sign in some hundred times."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    nobody = hasher.hash(PASSWORD)
    monkeypatch.setattr(passwords, "_hasher", hasher)
    monkeypatch.setattr(passwords, "_nobody", lambda: nobody)


@pytest.fixture
def app(record: Record, settings: Settings) -> Flask:  # noqa: ARG001 - empties Redis first
    return create_app(settings)


@pytest.fixture
def stranger(app: Flask) -> Visitor:
    return Visitor(app.test_client())


@pytest.fixture
def visit(app: Flask, record: Record) -> Callable[[Role], Visitor]:
    """Signs in a new user of a role, by a one-time link."""

    def sign_in(role: Role, name: str | None = None) -> Visitor:
        name = name or str(role)
        if record.users.get(name) is None:
            record.users.add(name, role, PASSWORD)
        visitor = Visitor(app.test_client(), name)
        link = f"/sign-in/link/{make_sign_in_link_token(record.redis, name)}"
        assert visitor.post(link, form=link).status_code == 303
        return visitor

    return sign_in


@pytest.fixture
def model(record: Record, tmp_path: Path) -> Version:
    """A model with one version that is current. The web never looks into its file."""
    record.models.create(Model(MODEL, "reference", "benchmark"))
    return publish(record, tmp_path, b"first version")


def publish(record: Record, folder: Path, data: bytes, parent: Version | None = None) -> Version:
    path = folder / "model.onnx"
    path.write_bytes(data)
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        version = record.models.publish(
            MODEL, {"model.onnx": path}, {"tickets": []}, parent=parent, lease=lease
        )
        record.models.point(MODEL, "current", version, "admin", lease)
    return version


@pytest.fixture
def submitted(record: Record, settings: Settings, model: Version) -> Callable[..., Ticket]:
    """Puts a ticket into the record as the desk does."""

    def submit(actor: str = "requester", *, days: int = 30, then: Sequence[State] = ()) -> Ticket:
        deadline = date.today() + timedelta(days=days)
        request = Request(model.model, SUBJECT, LegalGround.CONSENT_WITHDRAWN, deadline, 3)
        photos = [Photo(f"IMG_{seed}.jpg", jpeg(seed)) for seed in range(3)]
        ticket = Desk(record, Queue(settings)).submit(request, photos, actor)
        for state in then:
            ticket = record.tickets.move(ticket.id, state, "worker")
        return ticket

    return submit
