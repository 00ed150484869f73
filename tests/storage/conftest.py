"""What most tests of the record begin with: a model, a ticket, a desk, a hand on the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import hypothesis
import pytest

from storage import names
from storage.certificates.issued import Signer, write_new_key
from storage.models.registry import MODEL_FILE, Model, Version
from storage.queue import Queue
from storage.record import Record
from storage.settings import Settings
from storage.tickets.desk import Desk
from storage.tickets.request import LegalGround, Request
from storage.tickets.states import State
from storage.tickets.ticket import Ticket

# A busy machine may take long over one example; the bounds that matter have tests of their own.
hypothesis.settings.register_profile("storage", deadline=None)
hypothesis.settings.load_profile("storage")

MODEL = "door-cameras"
SUBJECT = "DSR-2026-0142"
PATH = (  # the way of a ticket that meets no obstacle
    State.APPROVED,
    State.PREPARING,
    State.QUEUED,
    State.UNLEARNING,
    State.CERTIFYING,
    State.PUBLISHING,
    State.COMPLETED,
)


def request_for(model: str = MODEL, subject: str = SUBJECT, photos: int = 3) -> Request:
    deadline = date(2030, 1, 31)
    return Request(model, subject, LegalGround.CONSENT_WITHDRAWN, deadline, photos)


@pytest.fixture
def submit(record: Record) -> Callable[..., Ticket]:
    """Writes a ticket's first event, and moves it along ``then``."""

    def write(model: str = MODEL, *, then: tuple[State, ...] = ()) -> Ticket:
        ticket = record.tickets.submit(names.new_ticket_id(), request_for(model), "ada", {})
        for state in then:
            ticket = record.tickets.move(ticket.id, state, "worker")
        return ticket

    return write


@pytest.fixture
def publish(record: Record, tmp_path: Path) -> Callable[..., Version]:
    """Publishes a version of a model and points ``current`` at it."""

    def write(
        data: bytes = b"weights",
        parent: Version | None = None,
        model: str = MODEL,
        more: Mapping[str, Path] | None = None,
        tickets: Sequence[str] = (),
    ) -> Version:
        if not record.objects.exists(f"models/{model}/model.json"):
            record.models.create(Model(model, "reference", "benchmark"))
        path = tmp_path / "given.onnx"
        path.write_bytes(data)
        files = {MODEL_FILE: path, **(more or {})}
        with record.leases.hold("model", model) as lease:
            assert lease is not None
            made_by = {"by": "test", "tickets": list(tickets)}
            made = record.models.publish(model, files, made_by, parent=parent, lease=lease)
            record.models.point(model, "current", made, "ada", lease)
        return made

    return write


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    path = tmp_path / "key.pem"
    write_new_key(path)
    return Signer.from_file(path)


@pytest.fixture
def desk(record: Record, settings: Settings) -> Desk:
    return Desk(record, Queue(settings))
