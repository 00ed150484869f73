"""Documents in the object store that somebody forged: refused by name, whoever reads them.

Anybody who can write to the bucket can put any bytes under any name. What is read from there is
either what it should be or a ``LetheError``: no other exception, no endless recursion.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import keys
from storage.canonical import SHA256, Corrupt, canonical, parse, sha256
from storage.errors import LetheError
from storage.models import Version
from storage.names import new_ticket_id
from storage.photo_digests import PhotoDigests
from storage.photos import Selection
from storage.record import Record
from storage.tickets import Event, Ticket
from storage.users import Role
from tests.storage.conftest import MODEL, PATH
from tests.storage.pictures import encoded, photos, picture

REPLACED = settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
DEEP = 2000  # levels of nesting that json parses and that recursion does not survive


def deep(levels: int = DEEP) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**53, -(2**63), 10**400, 0.5, -1, 0, 1, 999_999, 10**6]),
    st.text(max_size=8),
    st.sampled_from(["../../users/ada", "\ud800", "a" * 10_000, "0" * 64, "\n\x1b[2J", "NaN"]),
    st.sampled_from([[], {}, [[]], [None], {"": None}, [1, 2, 3], [[1, 2]], [["a", "b"]]]),
    st.builds(deep, st.sampled_from([60, 300])),
    st.dictionaries(st.text(max_size=3), st.none() | st.integers(), max_size=3),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        yield from places(item, (*path, key))


def forged(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> bytes:
    """The document with another value at a place; ``KeyError`` as a value leaves it out."""
    copy: Any = json.loads(json.dumps(document))
    if not path:
        return json.dumps(value).encode()
    place = copy
    for key in path[:-1]:
        place = place[key]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    try:
        return canonical(copy)  # so that nothing but the value is wrong
    except (ValueError, RecursionError):
        return json.dumps(copy).encode()


@dataclass(frozen=True)
class World:
    """A record with one of everything, and all that reads each document."""

    record: Record
    readers: dict[str, tuple[Callable[[], object], ...]]  # object's name → what reads it

    def refuses_or_reads(self, name: str, data: bytes) -> None:
        before = self.record.objects.get(name)
        self.record.objects.put(name, data)
        try:
            for read in self.readers[name]:
                try:
                    read()
                except LetheError as error:
                    line = str(error)
                else:
                    continue
                assert len(line.splitlines()) == 1
        finally:
            self.record.objects.put(name, before)


@pytest.fixture
def world(record: Record, submit: Callable[..., Ticket], publish: Callable[..., Version]) -> World:
    version = publish()
    ticket = submit(then=PATH[:2]).id
    record.photos.keep(ticket, photos(3))
    selection = Selection(("a" * 64, "b" * 64), ("c" * 64,), (("a.jpg", "no_face", "a.jpg: no"),))
    record.photos.keep_selection(ticket, selection)
    record.faces.add("reference", {"ann": [encoded(picture(1), "JPEG")]})
    record.users.add("ada", Role.ADMIN, "a long enough password")
    first = record.tickets.events(ticket)[0].name

    def everything_about_the_model() -> None:
        for found in record.models.versions(MODEL):
            record.models.check_files(found)
        record.models.find(MODEL)
        record.models.aliases(MODEL)
        record.models.rollback_target(MODEL)

    def everything_about_the_faces() -> None:
        for found in record.faces.all():
            for person in found.people:
                list(record.faces.photos(found, person))

    def everything_about_the_selection() -> None:
        found = record.photos.selection(ticket)
        assert found is not None
        PhotoDigests.of(record.objects, ticket, found)
        for digest in (*found.forget, *found.held_out):
            record.photos.crop(ticket, digest)

    def the_ticket() -> None:
        found = record.tickets.load(ticket)
        assert isinstance(found.days_left, int)
        record.tickets.index(found)
        record.tickets.recent(model=MODEL)

    readers: dict[str, tuple[Callable[[], object], ...]] = {
        keys.model(MODEL): (record.models.all, record.ledger.verify),
        keys.version(MODEL, version.number) + "manifest.json": (
            everything_about_the_model,
            record.ledger.verify,
        ),
        keys.alias(MODEL, "current"): (everything_about_the_model, record.ledger.verify),
        first: (the_ticket, record.ledger.rebuild),
        keys.photo_manifest(ticket): (
            lambda: record.photos.all(ticket),
            everything_about_the_selection,
        ),
        keys.selection(ticket): (everything_about_the_selection,),
        keys.face_set("reference"): (everything_about_the_faces,),
        keys.user("ada"): (
            lambda: record.users.get("ada"),
            lambda: record.users.authenticate("ada", "a long enough password"),
        ),
    }
    return World(record, readers)


KINDS = range(8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_with_any_value_in_any_place_is_read_or_refused(world: World, kind: int):
    name = list(world.readers)[kind]
    document = world.record.objects.get_document(name)
    everywhere = [path for path in places(document) if path]

    @REPLACED
    @given(st.sampled_from(everywhere), ODD | st.just(KeyError))
    def replace(path: tuple[Any, ...], value: Any) -> None:
        world.refuses_or_reads(name, forged(document, path, value))

    replace()


def texts(name: str, data: bytes) -> dict[str, bytes]:
    inside = data[1:]
    return {
        "nested without end": b'{"a":' + b"[" * 100_000,
        "nested deeply": b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"," + inside,
        "not a number": b'{"a":NaN,' + inside,
        "endless": b'{"a":-Infinity,' + inside,
        "endless by its exponent": b'{"a":1e999,' + inside,
        "a number of 5,000 digits": b'{"a":' + b"9" * 5000 + b"," + inside,
        "a name twice": data[:-1] + b',"format":1,"format":1}',
        "half a letter": b'{"a":"\\ud800",' + inside,
        "with a mark of its bytes' order": b"\xef\xbb\xbf" + data,
        "as UTF-16": data.decode().encode("utf-16"),
        "of another thing": canonical({"name": name}),
        "empty": b"{}",
        "nothing": b"",
        "a list": b"[" + data + b"]",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_that_is_another_text_is_read_or_refused(world: World, kind: int):
    name = list(world.readers)[kind]
    for data in texts(name, world.record.objects.get(name)).values():
        world.refuses_or_reads(name, data)


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
    name = keys.photo_manifest(ticket)
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
        with pytest.raises(Corrupt, match=f"^{keys.selection(ticket)}: names no crop"):
            record.photos.crop(ticket, digest)
        index = {"format": 1, "name": "set", "people": {"ann": [digest]}}
        record.objects.put_document(keys.face_set("set"), index)
        with pytest.raises(Corrupt, match=f"^{keys.face_set('set')}: "):
            record.faces.get("set")


def test_an_account_that_is_none_lets_nobody_in(record: Record):
    for document in (
        {}, {"name": "ada", "role": "king", "password_hash": "x"},
        {"name": "bob", "role": "admin", "password_hash": "x"},
        {"name": "ada", "role": "admin", "password_hash": None},
        {"name": "ada", "role": ["admin"], "password_hash": "x"},
    ):  # fmt: skip
        record.objects.put_document(keys.user("ada"), document)
        with pytest.raises(Corrupt, match=r"^users/ada\.json: not an account"):
            record.users.authenticate("ada", "a long enough password")


def test_a_version_with_any_value_in_any_place_of_its_manifest_is_one_or_corrupt(
    record: Record, publish: Callable[..., Version]
):
    first = publish()
    made = publish(b"more", first)
    name = keys.version(MODEL, made.number) + "manifest.json"
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
