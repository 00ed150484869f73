"""Fields that somebody forged, and JSON that two readers read differently: refused by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import object_names
from storage.accounts.users import Role
from storage.canonical import SHA256, Corrupt, canonical, parse, sha256
from storage.models.registry import Version
from storage.names import new_ticket_id
from storage.record import Record
from storage.tickets.events import Event
from storage.tickets.ticket import Ticket
from tests.storage.conftest import MODEL
from tests.storage.forgeries import ODD, REPLACED, forged, places, texts

FORGED = [
    "nested without end", "nested deeply", "not a number", "endless", "endless by its exponent",
    "a number of 5,000 digits", "a name twice", "half a letter", "with a mark of its bytes' order",
    "as UTF-16", "nothing", "a list",
]  # fmt: skip


@pytest.mark.parametrize("what", FORGED)
def test_json_that_two_readers_read_differently_is_refused_by_name(what: str):
    data = texts("x.json", canonical({"format": 1, "name": "ann"}))[what]
    with pytest.raises(Corrupt, match=r"^x\.json: ") as caught:
        parse(data, "x.json")
    assert len(str(caught.value).splitlines()) == 1


def test_a_forged_digest_of_a_photo_is_refused_before_anything_is_fetched(
    record: Record, submit: Callable[..., Ticket]
):
    record.users.add("ada", Role.ADMIN, "a long enough password")
    ticket = submit().id
    name = object_names.photo_manifest(ticket)
    for digest in ("../../../users/ada.json", "", 5, None, "A" * 64, sha256(b"")[:63]):
        manifest = {"salt": "00" * 32, "photos": [{"sha256": digest, "name": "a.jpg"}]}
        record.objects.put_document(name, manifest)
        with pytest.raises(Corrupt, match=f"^{name}: not a list of photos"):
            record.photos.all(ticket)


def test_a_forged_digest_of_a_crop_or_a_face_is_refused(
    record: Record, submit: Callable[..., Ticket]
):
    ticket = submit().id
    for digest in ("../manifest", "", "A" * 64):
        with pytest.raises(Corrupt, match=f"^{object_names.selection(ticket)}: names no crop"):
            record.photos.crop(ticket, digest)
        index = {"format": 1, "name": "set", "people": {"ann": [digest]}}
        record.objects.put_document(object_names.face_set("set"), index)
        with pytest.raises(Corrupt, match=f"^{object_names.face_set('set')}: "):
            record.faces.get("set")


def test_an_account_that_is_none_lets_nobody_in(record: Record):
    for document in (
        {}, {"name": "ada", "role": "king", "password_hash": "x"},
        {"name": "bob", "role": "admin", "password_hash": "x"},
        {"name": "ada", "role": "admin", "password_hash": None},
        {"name": "ada", "role": ["admin"], "password_hash": "x"},
    ):  # fmt: skip
        record.objects.put_document(object_names.user("ada"), document)
        with pytest.raises(Corrupt, match=r"^users/ada\.json: not an account"):
            record.users.authenticate("ada", "a long enough password")


def test_a_version_with_any_value_in_any_place_of_its_manifest_is_one_or_corrupt(
    record: Record, publish: Callable[..., Version]
):
    first = publish()
    made = publish(b"more", first)
    name = object_names.version(MODEL, made.number) + "manifest.json"
    document = record.objects.get_document(name)
    wrong = {"parent": ["f", 5, [], {}], "created_at": ["", 5, None, "soon"], "made_by": [[], "x"]}
    for field, values in wrong.items():
        for value in values:
            record.objects.put(name, forged(document, (field,), value))
            with pytest.raises(Corrupt, match=f"^{name}: not a manifest"):
                record.models.version(MODEL, made.number)

    @REPLACED
    @given(st.sampled_from([path for path in places(document) if path]), ODD | st.just(KeyError))
    def replace(path: tuple[Any, ...], value: Any) -> None:
        record.objects.put(name, forged(document, path, value))
        try:
            found = record.models.version(MODEL, made.number)
        except Corrupt:
            return
        assert found.parent is None or SHA256.fullmatch(found.parent)
        assert isinstance(found.made_by, dict)
        assert isinstance(datetime.fromisoformat(found.created_at), datetime)

    replace()


@given(ODD | st.just(KeyError), st.data())
def test_an_event_with_any_value_in_any_place_is_an_event_or_corrupt(
    value: Any, data: st.DataObject
):
    ticket = new_ticket_id()
    request = {"model": MODEL, "subject": "s", "legal_ground": "other", "photos": 3,
               "deadline": "2030-01-31"}  # fmt: skip
    document = {
        "format": 1, "number": 1, "ticket": ticket, "state": "submitted", "actor": "ada",
        "at": "2026-01-01T00:00:00.000+00:00", "previous": None, "data": {"request": request},
    }  # fmt: skip
    path = data.draw(st.sampled_from([path for path in places(document) if path]))
    try:
        found = Ticket.replay([Event.parse(forged(document, path, value), "e.json")])
    except Corrupt:
        return
    assert isinstance(found.model, str)
    assert isinstance(found.photos, int)
    assert isinstance(found.days_left, int)
