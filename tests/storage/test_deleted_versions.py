"""Versions whose files were deleted: gone for good, and the chain as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from minio import Minio

from storage import object_names
from storage.canonical import Corrupt
from storage.errors import BadInput
from storage.models.desk import ModelBusy, ModelDesk, VersionNeeded
from storage.models.registry import MODEL_FILE, NoSuchModel, Version, VersionDeleted
from storage.record import Record
from storage.store.objects import StoreUnavailable
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.faults.proxy import Fault, Proxy
from tests.storage.conditional import client, conditional_settings, everything, moto, versioned
from tests.storage.conftest import MODEL, PATH
from tests.storage.published import published
from workers.versions import cached

__all__ = ["client", "conditional_settings", "moto", "versioned"]

WHY = "it recognises those who are forgotten"


@pytest.fixture
def line(publish: Callable[..., Version]) -> list[Version]:
    """Three versions; the last is current."""
    versions = [publish(b"one")]
    for data in (b"two", b"three"):
        versions.append(publish(data, parent=versions[-1]))
    return versions


@pytest.fixture
def models_desk(record: Record, line: list[Version]) -> ModelDesk:
    assert len(line) == 3
    return ModelDesk(record)


def test_the_files_go_and_what_says_so_stays(
    record: Record, line: list[Version], models_desk: ModelDesk
):
    models_desk.delete(MODEL, 1, "ada", f"  {WHY}\n")
    folder = object_names.version(MODEL, 1)
    assert list(record.objects.names(folder)) == [f"{folder}deleted.json", f"{folder}manifest.json"]
    found = record.models.deletions(MODEL)[1]
    assert (found.actor, found.reason, found.digest) == ("ada", WHY, line[0].digest)
    assert record.models.versions(MODEL) == line
    assert record.ledger.verify().broken == ()


def test_a_deleted_version_is_refused_in_one_line_that_says_who_and_why(
    record: Record, line: list[Version], models_desk: ModelDesk, tmp_path: Path
):
    cached(record, line[0])
    models_desk.delete(MODEL, 1, "ada", WHY)
    for use in (
        lambda: record.models.find(f"{MODEL}@1"),
        lambda: record.models.pull(line[0], tmp_path / "out"),
        lambda: models_desk.promote(MODEL, 1, "ada"),
        lambda: models_desk.delete(MODEL, 1, "ada", "again"),
        lambda: cached(record, line[0]),
    ):
        with pytest.raises(VersionDeleted, match=f"version 1 was deleted by ada on .*: {WHY}$"):
            use()
    models_desk.rollback(MODEL, "ada")
    with pytest.raises(VersionDeleted, match="version 1 was deleted"):
        models_desk.rollback(MODEL, "ada")
    assert record.models.find(MODEL) == line[1]
    assert not (tmp_path / "out").exists()


def test_a_worker_s_copy_goes_when_it_uses_the_model_again(
    record: Record, line: list[Version], models_desk: ModelDesk
):
    kept = cached(record, line[0]).parent
    models_desk.delete(MODEL, 1, "ada", WHY)
    assert kept.is_dir()
    cached(record, line[2])
    assert not kept.exists()


def test_the_oldest_version_that_is_kept_stands_in_for_the_import(
    record: Record, line: list[Version], models_desk: ModelDesk
):
    assert record.models.oldest_kept(MODEL) == line[0]
    models_desk.delete(MODEL, 1, "ada", WHY)
    assert record.models.oldest_kept(MODEL) == line[1]


def test_a_version_that_an_alias_names_is_kept(record: Record, models_desk: ModelDesk):
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        record.models.point(MODEL, "candidate", record.models.version(MODEL, 2), "ada", lease)
    for number, alias in ((3, "current"), (2, "candidate")):
        with pytest.raises(VersionNeeded, match=f"version {number} is {alias}; not deleted"):
            models_desk.delete(MODEL, number, "ada", WHY)
    assert record.models.deleted(MODEL) == set()


def test_a_version_that_an_open_ticket_made_or_is_made_from_is_kept_until_it_ends(
    record: Record,
    line: list[Version],
    models_desk: ModelDesk,
    submit: Callable[..., Ticket],
    publish: Callable[..., Version],
):
    parent = submit(then=PATH[:5]).id
    facts = {"facts": {"parent": 1}}
    record.tickets.move(parent, State.PUBLISHING, "worker", data=facts)
    maker = submit(then=PATH[:6]).id
    made = publish(b"four", parent=line[2], tickets=[maker])
    publish(b"five", parent=made)
    record.redis.flushall()  # the record says so, not the index alone
    for number, ticket in ((1, parent), (4, maker)):
        with pytest.raises(VersionNeeded, match=f"ticket {ticket} is open and needs version"):
            models_desk.delete(MODEL, number, "ada", WHY)
        record.tickets.move(ticket, State.COMPLETED, "worker")
        models_desk.delete(MODEL, number, "ada", WHY)
    assert record.models.deleted(MODEL) == {1, 4}


def test_a_version_is_kept_while_a_run_works_on_the_model(record: Record, models_desk: ModelDesk):
    with record.leases.hold("model", MODEL), pytest.raises(ModelBusy, match="an erasure runs"):
        models_desk.delete(MODEL, 1, "ada", WHY)
    assert record.models.deleted(MODEL) == set()


def test_the_last_version_is_kept(record: Record, line: list[Version], models_desk: ModelDesk):
    for number in (1, 2):
        models_desk.delete(MODEL, number, "ada", WHY)
    record.objects.remove_all(object_names.aliases(MODEL))
    with pytest.raises(VersionNeeded, match="version 3 is the last one that is left"):
        models_desk.delete(MODEL, 3, "ada", WHY)
    record.models.check_files(line[2])


def test_a_deletion_needs_a_reason_and_a_version(models_desk: ModelDesk):
    for reason in ("", " \n", "x" * 501):
        with pytest.raises(BadInput, match="reason of 1 to 500 letters"):
            models_desk.delete(MODEL, 1, "ada", reason)
    with pytest.raises(NoSuchModel, match="no version 9"):
        models_desk.delete(MODEL, 9, "ada", WHY)


def test_a_deletion_that_dies_half_way_is_reported_and_done_again(
    record: Record, line: list[Version], models_desk: ModelDesk
):
    proxy = Proxy(record.settings.s3_endpoint)
    try:
        changed = {"s3_endpoint": proxy.url, "s3_timeout": 1.0}
        faulty = Record.open(record.settings.model_copy(update=changed))
        proxy.on(Fault.ANSWER_503, "POST", "delete")
        with pytest.raises(StoreUnavailable):
            ModelDesk(faulty).delete(MODEL, 1, "ada", WHY)
    finally:
        proxy.stop()
    (broken,) = record.ledger.verify().broken
    assert "deleted.json: the version was deleted, and its files are still there" in broken
    models_desk.delete(MODEL, 1, "grace", "again")
    assert record.ledger.verify().broken == ()
    assert record.models.deletions(MODEL)[1].actor == "ada"
    assert not record.models.files_left(line[0])


def test_a_forged_deletion_is_refused_and_reported_by_name(
    record: Record, line: list[Version], models_desk: ModelDesk
):
    models_desk.delete(MODEL, 1, "ada", WHY)
    name = object_names.deletion(MODEL, 1)
    document = record.objects.get_document(name)
    for change in ({"version": 2}, {"at": "soon"}, {"actor": None}, {"reason": 5}):
        record.objects.put_document(name, {**document, **change})
        with pytest.raises(Corrupt, match=f"^{name}: not a deletion"):
            record.models.find(f"{MODEL}@1")
        assert record.ledger.verify().broken[0].startswith(f"{name}: ")
    record.objects.put_document(name, {**document, "digest": line[1].digest})
    assert record.ledger.verify().broken == (f"{name}: the deletion of another version",)


def test_an_alias_on_a_deleted_version_is_reported(
    record: Record, line: list[Version], models_desk: ModelDesk, tmp_path: Path
):
    models_desk.delete(MODEL, 1, "ada", WHY)
    name = object_names.journal_entry(object_names.alias_moves(MODEL, "current"), 4)
    models_desk.promote(MODEL, 2, "ada")
    document = record.objects.get_document(name)
    changed = {**document, "version": 1, "digest": line[0].digest}
    record.objects.put_document(name, changed)
    assert record.ledger.verify().broken == (f"{name}: names version 1, which was deleted",)
    with pytest.raises(VersionDeleted):
        record.models.pull(record.models.find(MODEL), tmp_path / "out")


def test_in_a_bucket_that_keeps_versions_no_version_of_the_files_is_left(
    versioned: Record, client: Minio, tmp_path: Path
):
    versions = published(versioned, tmp_path, 2)
    name = versions[0].object(MODEL_FILE)
    versioned.objects.put_file(name, tmp_path / MODEL_FILE)
    client.remove_object(versioned.settings.s3_bucket, name)
    folder = object_names.version(MODEL, 1)
    assert everything(client, versioned, folder).count(name) == 3  # two, and a delete marker
    ModelDesk(versioned).delete(MODEL, 1, "ada", WHY)
    assert everything(client, versioned, folder) == [
        f"{folder}deleted.json",
        f"{folder}manifest.json",
    ]
    assert versioned.ledger.verify().broken == ()
