"""The ledger: a sound record is found sound, and each kind of damage is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from lethe.stack.process import free_port
from storage.certificates import Certificates, Signer
from storage.ledger import Audit, Ledger
from storage.models import MODEL_FILE, Models, Version
from storage.objects import ObjectStore, StoreUnavailable
from storage.photos import Photo, TicketPhotos
from storage.record import Record
from storage.settings import Settings
from storage.states import State
from storage.tickets import Ticket, Tickets
from tests.storage.conftest import MODEL, PATH
from tests.storage.pictures import photos

VERSIONS = f"models/{MODEL}/versions/"


@dataclass(frozen=True)
class World:
    completed: Ticket
    cancelled: Ticket
    open: Ticket
    versions: tuple[Version, Version, Version]


@pytest.fixture
def world(
    record: Record,
    submit: Callable[..., Ticket],
    publish: Callable[..., Version],
    signer: Signer,
) -> World:
    """Three versions, one ticket completed, one cancelled, one open."""
    first = publish(b"one")
    second = publish(b"two", parent=first)
    third = publish(b"three", parent=second)
    completed, cancelled, waiting = submit(), submit(), submit()
    data = signer.sign({"ticket": completed.id})
    record.certificates.keep(completed.id, data, b"", signer)
    for state in PATH:
        completed = record.tickets.move(completed.id, state, "worker")
    cancelled = record.tickets.move(cancelled.id, State.CANCELLED, "ada")
    return World(completed, cancelled, waiting, (first, second, third))


def _broken(record: Record) -> str:
    found = record.ledger.verify()
    assert len(found.broken) == 1
    assert len(found.broken[0].splitlines()) == 1
    return found.broken[0]


def test_a_sound_record_is_found_sound(record: Record, world: World):
    assert world.open.state is State.SUBMITTED
    assert record.ledger.verify() == Audit(
        tickets=3, versions=3, aliases=1, certificates=1, broken=()
    )


def test_an_empty_record_is_sound(record: Record):
    assert record.ledger.verify() == Audit(0, 0, 0, 0, ())


def test_an_altered_event_is_found(record: Record, world: World):
    name = f"tickets/{world.completed.id}/events/000003-preparing.json"
    document = record.objects.get_document(name)
    record.objects.put_document(name, {**document, "actor": "mallory"})
    assert _broken(record).startswith(f"tickets/{world.completed.id}/events/000004-queued.json")


def test_a_missing_version_file_is_found(record: Record, world: World):
    missing = [f"{VERSIONS}{version.number:06d}/{MODEL_FILE}" for version in world.versions]
    for name in missing:
        record.objects.remove_all(name)
    broken = record.ledger.verify().broken
    assert all(any(line.startswith(f"{name}: no such") for line in broken) for name in missing)


def test_an_altered_version_file_is_found(record: Record, world: World):
    name = f"{VERSIONS}{world.versions[2].number:06d}/{MODEL_FILE}"
    record.objects.put(name, b"evil")
    assert any(line.startswith(f"{name}: has SHA-256") for line in record.ledger.verify().broken)


def test_an_altered_manifest_breaks_the_line_of_versions(record: Record, world: World):
    name = f"{VERSIONS}{world.versions[1].number:06d}/manifest.json"
    document = record.objects.get_document(name)
    record.objects.put_document(name, {**document, "created_at": "1999-01-01"})
    assert f"model {MODEL}: version 3 names a parent that is not there" in (
        record.ledger.verify().broken
    )


def test_a_removed_version_is_missed_by_the_one_made_from_it(record: Record, world: World):
    record.objects.remove_all(f"{VERSIONS}{world.versions[1].number:06d}/")
    broken = record.ledger.verify().broken
    assert broken[0] == f"model {MODEL}: version 3 names a parent that is not there"


def test_a_version_that_forgets_its_parent_is_found(record: Record, world: World):
    name = f"{VERSIONS}{world.versions[2].number:06d}/manifest.json"
    record.objects.put_document(name, {**record.objects.get_document(name), "parent": None})
    assert f"model {MODEL}: version 3 names no parent" in record.ledger.verify().broken


def test_an_alias_to_nothing_is_found(record: Record, world: World):
    name = f"models/{MODEL}/aliases/current.json"
    document = record.objects.get_document(name)
    for change in ({"version": 9}, {"digest": "0" * 64}, {"version": world.versions[0].number}):
        record.objects.put_document(name, {**document, **change})
        assert _broken(record) == f"{name}: names no version that is intact"


def test_a_damaged_alias_is_found_and_the_rest_still_walked(record: Record, world: World):
    name = f"models/{MODEL}/aliases/current.json"
    for data in (b"", b"[]", b"{}", b'{"version":"x"}', b'{"version":3}'):
        record.objects.put(name, data)
        assert _broken(record).startswith(f"{name}: ")
    assert record.ledger.verify().versions == len(world.versions)


def test_a_damaged_certificate_is_found(record: Record, world: World):
    name = f"certificates/{world.completed.id}.json"
    for data in (b"", b"[]", b'{"certificate":7}', b"\xff"):
        record.objects.put(name, data)
        assert _broken(record).startswith(f"{name}: ")


def test_an_altered_certificate_is_found(record: Record, world: World):
    name = f"certificates/{world.completed.id}.json"
    data = bytearray(record.objects.get(name))
    data[data.index(b'"signature":"') + 20] ^= 1
    record.objects.put(name, bytes(data))
    assert "signature does not match" in _broken(record)


def test_a_certificate_whose_key_is_gone_is_found(record: Record, world: World, signer: Signer):
    assert world.completed.state is State.COMPLETED
    record.objects.remove_all(f"keys/{signer.key_id}")
    assert _broken(record).startswith(f"keys/{signer.key_id}.pub: no such object")


def test_a_completed_ticket_without_a_certificate_is_found(record: Record, world: World):
    record.objects.remove_all(f"certificates/{world.completed.id}")
    assert _broken(record).startswith(f"ticket {world.completed.id}: has no certificate")


def test_photos_left_behind_by_a_ticket_that_has_ended_are_found(record: Record, world: World):
    for ended in (world.completed, world.cancelled):
        record.photos.keep(ended.id, photos(3))
        assert _broken(record) == (
            f"ticket {ended.id}: {ended.state}, and its photos are still there"
        )
        record.photos.remove(ended.id)
    record.photos.keep(world.open.id, photos(3))
    assert record.ledger.verify().broken == ()


def test_every_damage_is_listed_not_the_first_alone(record: Record, world: World):
    record.photos.keep(world.completed.id, [Photo("a.jpg", b"a")])
    record.objects.put(f"{VERSIONS}000003/{MODEL_FILE}", b"evil")
    record.objects.put(f"certificates/{world.completed.id}.json", b"{}")
    record.objects.put(f"tickets/{world.open.id}/events/000001-submitted.json", b"{}")
    broken = " ".join(record.ledger.verify().broken)
    for part in ("photos", MODEL_FILE, "certificates/", world.open.id):
        assert part in broken


def test_stray_objects_never_stop_the_walk(record: Record, world: World):
    name = f"certificates/{world.completed.id}.json"
    strays = ["tickets/not a ticket/x", "models/Not A Model/x", f"{VERSIONS}seven/manifest.json"]
    strays += ["certificates/stray.json", f"models/{MODEL}/aliases/other.json", "else/x"]
    for stray in (*strays, name):
        record.objects.put(stray, b"{}")
    for audit in (record.ledger.verify(), record.ledger.rebuild()):
        assert any(line.startswith(name) for line in audit.broken)
        assert (audit.tickets, audit.versions, audit.aliases) == (4, 3, 1)
    assert [model.name for model in record.models.all()] == [MODEL]


def test_a_damaged_or_missing_model_is_found_and_its_versions_still_walked(
    record: Record, world: World
):
    assert len(world.versions) == 3
    name = f"models/{MODEL}/model.json"
    for data in (b"", b"[]", b"{}"):
        record.objects.put(name, data)
        assert _broken(record).startswith(f"{name}: ")
    record.objects.remove_all(name)
    assert _broken(record).startswith(f"model {MODEL}: there is none")
    assert record.ledger.verify().versions == 3


def test_rebuilding_restores_tickets_models_and_lists_into_an_empty_redis(
    record: Record, world: World
):
    tickets, models = record.tickets.recent(), record.models.all()
    states = (State.SUBMITTED, State.CANCELLED, State.COMPLETED)
    waiting = [record.tickets.waiting(MODEL, state) for state in states]
    record.redis.flushall()
    assert record.tickets.recent() == record.models.all() == []
    assert record.ledger.rebuild().broken == ()
    assert record.tickets.recent() == tickets
    assert record.models.all() == models
    assert [record.tickets.waiting(MODEL, state) for state in states] == waiting
    assert record.tickets.count(MODEL, State.SUBMITTED) == 1
    assert record.tickets.get(world.completed.id) == world.completed


def test_rebuilding_corrects_an_index_that_is_wrong(record: Record, world: World):
    record.tickets.index(replace(world.completed, state=State.FAILED))
    record.ledger.rebuild()
    assert record.tickets.get(world.completed.id) == world.completed
    assert record.tickets.count(MODEL, State.FAILED) == 0


def test_rebuilding_passes_over_what_is_broken_and_names_it(record: Record, world: World):
    record.objects.put(f"tickets/{world.open.id}/events/000001-submitted.json", b"{}")
    record.redis.flushall()
    broken = record.ledger.rebuild().broken
    assert world.open.id in broken[0]
    assert {ticket.id for ticket in record.tickets.recent()} == {
        world.completed.id,
        world.cancelled.id,
    }


def test_a_store_that_does_not_answer_is_no_finding(settings: Settings, record: Record):
    gone = settings.model_copy(update={"s3_endpoint": f"http://127.0.0.1:{free_port()}"})
    objects = ObjectStore.from_settings(gone)
    ledger = Ledger(
        Tickets(objects, record.redis),
        TicketPhotos(objects, gone),
        Models(objects, record.redis),
        Certificates(objects),
    )
    with pytest.raises(StoreUnavailable):
        ledger.verify()
