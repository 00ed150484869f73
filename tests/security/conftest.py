"""The application as it is attacked: a house in use, visitors of each role, programs, strangers."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from storage.accounts.api_tokens import Scope
from storage.accounts.roles import Role
from storage.models.registry import Version
from storage.record import Record
from storage.tickets.photos import Photo
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.api.conftest import call
from tests.web.conftest import (
    MODEL,
    Visitor,
    app,
    cheap_hashes,
    jpeg,
    model,
    stranger,
    submitted,
    visit,
)

__all__ = ["app", "call", "cheap_hashes", "model", "stranger", "submitted", "visit"]

OWNER = "rita"  # whose the things in the house are
PHOTO = Photo("IMG_7.jpg", jpeg(7))
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class House:
    """What is in it, by the names that addresses have for their parts."""

    record: Record
    owner: Visitor
    parts: dict[str, str]
    draft: str

    def of(self, endpoint: str) -> Mapping[str, str]:
        """Parts of an address that lead to what is really there, and is Rita's."""
        if endpoint.startswith(("drafts.", "draft_photos.")):
            return self.parts | {"ticket": self.draft}
        if endpoint.startswith(("faces.", "draft_photos.people")) or "face_set" in endpoint:
            return self.parts | {"name": "reference"}
        if endpoint in {"api.list_people", "draft_photos.people"}:
            return self.parts | {"name": "reference"}
        if endpoint.startswith(("users.", "user_tokens.")):
            return self.parts | {"name": OWNER}
        return self.parts

    def objects(self) -> dict[str, str]:
        """Every object but the audit log's, with its digest: what an attack must not change."""
        names = [name for name in self.record.objects.names("") if not name.startswith("audit/")]
        return {name: self.record.objects.get(name).hex() for name in names}


@pytest.fixture
def house(
    record: Record,
    model: Version,
    visit: Callable[..., Visitor],
    submitted: Callable[..., Ticket],
) -> House:
    record.faces.add("reference", {"Ada L": [jpeg(1), jpeg(2), jpeg(4)]})
    owner = visit(Role.REQUESTER, OWNER)
    ticket = submitted(OWNER, then=[State.APPROVED, State.PREPARING, State.NEEDS_PHOTOS])
    draft = record.drafts.begin(OWNER, {"model": MODEL, "subject": "DSR-1"})
    record.drafts.add(draft.ticket, OWNER, [PHOTO])
    token, _ = record.api_tokens.issue(OWNER, "kiosk", {Scope.READ}, 7, OWNER)
    (session,) = record.sessions.of(OWNER)
    parts = {
        "ticket": ticket.id,
        "name": MODEL,
        "user": OWNER,
        "number": str(model.number),
        "token": token.id,
        "session": session.id,
        "sha256": PHOTO.sha256,
    }
    return House(record, owner, parts, draft.ticket)


def form_token(visitor: Visitor) -> str:
    found = _TOKEN.search(visitor.get("/account").text)
    assert found
    return found.group(1)


def anything() -> dict[str, object]:
    """A form that no view finds a field missing in."""
    return {
        "reason": "because", "deadline": "2099-01-01", "model": MODEL, "subject": "DSR-9",
        "legal_ground": "gdpr-17-1-b", "role": "admin", "old": "x", "new": "seven unrelated llamas",
        "again": "seven unrelated llamas", "name": "eve", "scope": "read", "days": "7",
        "code": "000000", "step": "cancel", "next": "/", "language": "en", "number": "1",
        "face_set": "reference", "person": "Ada L",
        "photos": (io.BytesIO(jpeg(9)), "nine.jpg"),
    }  # fmt: skip
