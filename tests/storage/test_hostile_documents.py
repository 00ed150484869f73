"""Documents in the object store that somebody forged: refused by name, whoever reads them.

Anybody who can write to the bucket can put any bytes under any name. What is read from there is
either what it should be or a ``LetheError``: no other exception, no endless recursion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import object_names
from storage.accounts.users import Role
from storage.certificates.photo_digests import PhotoDigests
from storage.errors import LetheError
from storage.faces import face_lines
from storage.models.registry import Version
from storage.record import Record
from storage.tickets.draft import USABLE, Look
from storage.tickets.photos import Selection
from storage.tickets.ticket import Ticket
from tests.storage.conftest import MODEL, PATH
from tests.storage.forgeries import ODD, REPLACED, forged, places, texts
from tests.storage.pictures import encoded, photos, picture


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
        for found in map(record.faces.get, face_lines.all_names(record)):
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
        record.tickets.index.write(found)
        record.tickets.recent(model=MODEL)

    draft = record.drafts.begin("ada", {"model": MODEL})
    record.drafts.add(draft.ticket, "ada", photos(1))
    record.drafts.keep_look(draft.ticket, Look(MODEL, {"a" * 64: USABLE}, ("a" * 64,)))

    def everything_about_the_draft() -> None:
        found = record.drafts.of("ada")
        for one in found:
            record.drafts.look(one)
            assert one.bytes == sum(photo.size for photo in one.photos)
        record.drafts.fill(draft.ticket, "ada", draft.fields)

    readers: dict[str, tuple[Callable[[], object], ...]] = {
        object_names.model(MODEL): (record.models.all, record.ledger.verify),
        object_names.version(MODEL, version.number) + "manifest.json": (
            everything_about_the_model,
            record.ledger.verify,
        ),
        object_names.journal_entry(object_names.alias_moves(MODEL, "current"), 1): (
            everything_about_the_model,
            record.ledger.verify,
        ),
        first: (the_ticket, record.ledger.rebuild),
        object_names.photo_manifest(ticket): (
            lambda: record.photos.all(ticket),
            everything_about_the_selection,
        ),
        object_names.selection(ticket): (everything_about_the_selection,),
        object_names.face_set("reference"): (everything_about_the_faces,),
        object_names.user("ada"): (
            lambda: record.users.get("ada"),
            lambda: record.users.authenticate("ada", "a long enough password"),
        ),
        object_names.draft(draft.ticket): (everything_about_the_draft, record.ledger.verify),
        object_names.look(draft.ticket): (everything_about_the_draft,),
    }
    return World(record, readers)


KINDS = range(10)


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_that_is_another_text_is_read_or_refused(world: World, kind: int):
    name = list(world.readers)[kind]
    for data in texts(name, world.record.objects.get(name)).values():
        world.refuses_or_reads(name, data)
