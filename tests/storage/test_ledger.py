"""The ledger: a sound record is found sound, and each kind of damage is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lethe.stack.process import free_port
from storage.canonical import sha256
from storage.certificates.issued import Certificates, Signer, issue
from storage.ledger import Audit, Ledger
from storage.models.registry import MODEL_FILE, Models, Version
from storage.record import Record
from storage.settings import Settings
from storage.store.objects import ObjectStore, StoreUnavailable
from storage.tickets.photos import Photo, TicketPhotos
from storage.tickets.registry import Tickets
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.storage.bodies import body
from tests.storage.conftest import MODEL, PATH
from tests.storage.pictures import photos

VERSIONS = f"models/{MODEL}/versions/"


@dataclass(frozen=True)
class World:
    earlier: Ticket  # both completed
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
    """Three versions, two of tickets that completed; one ticket cancelled, one open."""
    first = publish(b"one")
    earlier, completed, cancelled, waiting = submit(), submit(), submit(), submit()
    second = publish(b"two", parent=first, tickets=[earlier.id])
    third = publish(b"three", parent=second, tickets=[completed.id])
    before = None
    for ticket, version, parent in ((earlier, second, first), (completed, third, second)):
        data = issue(about(ticket, version, parent, first, before), signer)
        record.certificates.keep(ticket.id, data, b"", signer)
        before = sha256(data)
        for state in PATH:
            given = {"certificate": before} if state is State.COMPLETED else None
            record.tickets.move(ticket.id, state, "worker", data=given)
    earlier, completed = record.tickets.load(earlier.id), record.tickets.load(completed.id)
    cancelled = record.tickets.move(cancelled.id, State.CANCELLED, "ada")
    return World(earlier, completed, cancelled, waiting, (first, second, third))


def about(
    ticket: Ticket, version: Version, parent: Version, imported: Version, before: str | None
) -> dict:
    """The body of a certificate of a version in the record."""
    names = [
        {"number": one.number, "digest": one.digest, "files": one.files}
        for one in (version, parent)
    ]
    return body(
        ticket=ticket.id,
        version=names[0],
        parent=names[1],
        imported_version=imported.digest,
        previous_certificate=before,
    )


def _broken(record: Record) -> str:
    found = record.ledger.verify()
    assert len(found.broken) == 1
    assert len(found.broken[0].splitlines()) == 1
    return found.broken[0]


def test_a_sound_record_is_found_sound(record: Record, world: World):
    assert world.open.state is State.SUBMITTED
    assert record.ledger.verify() == Audit(
        tickets=4, versions=3, aliases=1, certificates=2, broken=()
    )


def test_an_empty_record_is_sound(record: Record):
    assert record.ledger.verify() == Audit(0, 0, 0, 0, ())


def test_an_altered_event_is_found(record: Record, world: World):
    name = f"tickets/{world.completed.id}/events/000003-preparing.json"
    document = record.objects.get_document(name)
    record.objects.put_document(name, {**document, "actor": "mallory"})
    assert _broken(record).startswith(f"tickets/{world.completed.id}/events/000004-queued.json")


def test_a_missing_version_file_is_found(record: Record, world: World):
    missing = [version.object(MODEL_FILE) for version in world.versions]
    for name in missing:
        record.objects.remove_all(name)
    broken = record.ledger.verify().broken
    assert all(any(line.startswith(f"{name}: no such") for line in broken) for name in missing)


def test_an_altered_version_file_is_found(record: Record, world: World):
    name = world.versions[2].object(MODEL_FILE)
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
    name = f"models/{MODEL}/aliases/current/000003.json"
    document = record.objects.get_document(name)
    for change in ({"version": 9}, {"digest": "0" * 64}, {"version": world.versions[0].number}):
        record.objects.put_document(name, {**document, **change})
        assert _broken(record) == f"{name}: names no version that is intact"


def test_a_damaged_alias_is_found_and_the_rest_still_walked(record: Record, world: World):
    name = f"models/{MODEL}/aliases/current/000003.json"
    for data in (b"", b"[]", b"{}", b'{"version":"x"}', b'{"version":3}'):
        record.objects.put(name, data)
        assert _broken(record).startswith(f"{name}: ")
    assert record.ledger.verify().versions == len(world.versions)


def test_a_damaged_certificate_is_found(record: Record, world: World):
    name = f"certificates/{world.completed.id}.json"
    for data in (b"", b"[]", b'{"certificate":7}', b"\xff"):
        record.objects.put(name, data)
        assert record.ledger.verify().broken == (
            f"{name}: not the one that the ticket ended with",
            f"{name}: not a certificate of Lethe, or damaged",
        )


def test_an_altered_certificate_is_found(record: Record, world: World):
    name = f"certificates/{world.completed.id}.json"
    data = bytearray(record.objects.get(name))
    data[data.index(b'"signature":"') + 20] ^= 1
    record.objects.put(name, bytes(data))
    assert "signature does not match" in record.ledger.verify().broken[1]


def test_a_certificate_whose_key_is_gone_is_found(record: Record, world: World, signer: Signer):
    record.objects.remove_all(f"keys/{signer.key_id}")
    for ticket in (world.earlier, world.completed):
        line = f"certificates/{ticket.id}.json: signed with key {signer.key_id}, which this record"
        assert any(found.startswith(line) for found in record.ledger.verify().broken)


def test_a_completed_ticket_without_a_certificate_is_found(record: Record, world: World):
    record.objects.remove_all(f"certificates/{world.completed.id}")
    assert _broken(record).startswith(f"ticket {world.completed.id}: has no certificate")


# --- the chain of certificates ---


def _put(record: Record, ticket: Ticket, data: bytes) -> None:
    record.objects.put(f"certificates/{ticket.id}.json", data)


def _broken_by(record: Record, ticket: Ticket, certificate: bytes) -> str:
    _put(record, ticket, certificate)
    return "\n".join(record.ledger.verify().broken)


def test_a_certificate_of_another_ticket_in_its_place_is_found(record: Record, world: World):
    _put(record, world.completed, record.certificates.certificate(world.earlier.id))
    broken = record.ledger.verify().broken
    name = f"certificates/{world.completed.id}.json"
    assert f"{name}: the certificate of ticket {world.earlier.id}: replayed or misplaced" in broken
    assert f"{name}: not the one that the ticket ended with" in broken


def test_a_certificate_that_is_gone_is_missed_by_the_next_one(record: Record, world: World):
    record.objects.remove_all(f"certificates/{world.earlier.id}")
    broken = "\n".join(record.ledger.verify().broken)
    assert f"certificates/{world.completed.id}.json: names a certificate before it" in broken
    assert "a link is missing" in broken
    assert f"ticket {world.earlier.id}: has no certificate" in broken


def test_a_certificate_signed_anew_breaks_the_chain_though_its_signature_holds(
    record: Record, world: World, signer: Signer
):
    first, second, _ = world.versions
    other = {**about(world.earlier, second, first, first, None), "seed": 1}
    _put(record, world.earlier, issue(other, signer))
    broken = record.ledger.verify().broken
    assert broken[0].endswith(": not the one that the ticket ended with")
    assert "a link is missing" in broken[1]
    assert len(broken) == 2


def test_the_last_certificate_signed_anew_is_not_the_one_in_the_events(
    record: Record, world: World, signer: Signer
):
    first, second, third = world.versions
    before = sha256(record.certificates.certificate(world.earlier.id))
    other = {**about(world.completed, third, second, first, before), "seed": 1}
    _put(record, world.completed, issue(other, signer))
    assert _broken(record).endswith(": not the one that the ticket ended with")


def test_a_certificate_that_forgets_the_one_before_it_is_found(
    record: Record, world: World, signer: Signer
):
    first, second, third = world.versions
    certificate = issue(about(world.completed, third, second, first, None), signer)
    broken = _broken_by(record, world.completed, certificate)
    assert "both say that none is before them" in broken
    assert "says that it is the first, and its parent is not the import" in broken


def test_a_certificate_of_another_version_or_import_is_found(
    record: Record, world: World, signer: Signer
):
    _, second, third = world.versions
    certificate = issue(about(world.earlier, third, second, second, None), signer)
    broken = _broken_by(record, world.earlier, certificate)
    assert "about another version than the ticket made" in broken
    assert f"names another import of model {MODEL}" in broken


def test_a_certificate_of_a_ticket_that_made_no_version_is_found(
    record: Record, world: World, signer: Signer
):
    first, _, third = world.versions
    before = sha256(record.certificates.certificate(world.completed.id))
    data = issue(about(world.open, third, first, first, before), signer)
    record.certificates.keep(world.open.id, data, b"", signer)
    name = f"certificates/{world.open.id}.json"
    assert _broken(record) == f"{name}: its ticket made no version that is there"


def test_a_certificate_signed_with_a_key_that_the_record_does_not_know_is_found(
    record: Record, world: World, signer: Signer
):
    first, second, third = world.versions
    before = sha256(record.certificates.certificate(world.earlier.id))
    stranger = Signer(Ed25519PrivateKey.generate())
    made = about(world.completed, third, second, first, before)
    _put(record, world.completed, issue(made, stranger))
    broken = "\n".join(record.ledger.verify().broken)
    assert f"signed with key {stranger.key_id}, which this record does not know" in broken
    assert signer.key_id not in broken


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
    record.objects.put(world.versions[2].object(MODEL_FILE), b"evil")
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
        assert (audit.tickets, audit.versions, audit.aliases) == (5, 3, 1)
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
    record.tickets.index.write(replace(world.completed, state=State.FAILED))
    record.ledger.rebuild()
    assert record.tickets.get(world.completed.id) == world.completed
    assert record.tickets.count(MODEL, State.FAILED) == 0


def test_rebuilding_passes_over_what_is_broken_and_names_it(record: Record, world: World):
    record.objects.put(f"tickets/{world.open.id}/events/000001-submitted.json", b"{}")
    record.redis.flushall()
    broken = record.ledger.rebuild().broken
    assert world.open.id in broken[0]
    assert {ticket.id for ticket in record.tickets.recent()} == {
        world.earlier.id,
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
        record.audit,
        record.leases,
    )
    with pytest.raises(StoreUnavailable):
        ledger.verify()


def test_a_certificate_tells_of_its_ticket_when_nothing_else_does(record: Record, world: World):
    record.objects.remove_all(f"tickets/{world.completed.id}/")
    record.redis.flushall()
    record.ledger.rebuild()
    assert f"ticket {world.completed.id}: is gone from the record, which had it" in _broken(record)
