"""A requester who writes drafts, and a worker who looks at their photos."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from storage import presence
from storage.accounts.users import Role
from storage.record import Record
from storage.tickets.draft import Look
from tests.web.conftest import MODEL, SUBJECT, Visitor, jpeg

DEADLINE = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
FIELDS = {
    "model": MODEL,
    "subject": SUBJECT,
    "legal_ground": "gdpr-17-1-b",
    "deadline": DEADLINE,
}


@pytest.fixture
def rita(visit: Callable[[Role], Visitor]) -> Visitor:
    return visit(Role.REQUESTER)


def begun(visitor: Visitor, **fields: str) -> str:
    answer = visitor.post("/tickets/drafts", {**FIELDS, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["draft"])


def add(visitor: Visitor, draft: str, photos: Mapping[str, bytes]) -> TestResponse:
    files = [(io.BytesIO(data), name) for name, data in photos.items()]
    return visitor.post(f"/tickets/drafts/{draft}/photos", {"photos": files})


def filled(visitor: Visitor, photos: int = 4) -> str:
    draft = begun(visitor)
    added = add(visitor, draft, {f"IMG_{seed}.jpg": jpeg(seed) for seed in range(photos)})
    assert added.status_code == 200, added.text
    return draft


def alive(record: Record, *, busy: bool = False) -> None:
    """A worker says that it is there."""
    presence.say(record.redis, "cpu@here", ["cpu"], holds=busy)


def looked(record: Record, draft: str, answers: Mapping[str, str], **more: Any) -> None:
    record.drafts.keep_look(draft, Look(MODEL, answers, tuple(answers), **more))
