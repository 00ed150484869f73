"""A bucket that keeps versions: what must be gone is gone in all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from minio import Minio

from storage import object_names
from storage.models.desk import ModelDesk
from storage.models.registry import Model, ModelExists
from storage.queue import Queue
from storage.record import Record
from storage.tickets.desk import Desk
from storage.tickets.states import State
from tests.storage.conditional import client, conditional_settings, everything, moto, versioned
from tests.storage.conftest import MODEL, PATH, request_for
from tests.storage.pictures import photos
from tests.storage.published import published

__all__ = ["client", "conditional_settings", "moto", "versioned"]


def overwrite_and_hide(record: Record, client: Minio, prefix: str) -> None:
    """Each object gets a second version; the first of them a delete marker on top."""
    found = list(record.objects.names(prefix))
    for name in found:
        record.objects.put(name, record.objects.get(name))
    client.remove_object(record.settings.s3_bucket, found[0])


@pytest.mark.parametrize("end", [State.COMPLETED, State.DENIED, State.CANCELLED])
def test_the_photos_of_a_ticket_that_ended_are_gone_in_all_versions(
    versioned: Record, client: Minio, tmp_path: Path, end: State
):
    published(versioned, tmp_path, 1)
    desk = Desk(versioned, Queue(versioned.settings))
    ticket = desk.submit(request_for(), photos(3), "ada").id
    prefix = object_names.photos(ticket)
    overwrite_and_hide(versioned, client, prefix)
    assert len(everything(client, versioned, prefix)) == 9  # twice four, and a delete marker
    assert versioned.photos.left(ticket) == 8
    match end:
        case State.DENIED:
            desk.deny(ticket, "grace", "not theirs to ask")
        case State.CANCELLED:
            desk.cancel(ticket, "ada")
        case _:
            for state in PATH[:-1]:
                versioned.tickets.move(ticket, state, "worker")
            assert versioned.photos.remove(ticket) == 9
    assert everything(client, versioned, prefix) == []
    events = everything(client, versioned, object_names.events(ticket))
    assert len(events) == len(versioned.tickets.events(ticket))  # none was written twice


def test_moves_of_aliases_are_written_once_each(versioned: Record, client: Minio, tmp_path: Path):
    first, second = published(versioned, tmp_path, 2)
    desk = ModelDesk(versioned)
    assert desk.rollback(MODEL, "ada") == first
    assert desk.promote(MODEL, 2, "grace") == second
    desk.settle(MODEL, "ada", approval="automatic")
    folder = object_names.alias_moves(MODEL, "current")
    names = [object_names.journal_entry(folder, number) for number in range(1, 5)]
    assert everything(client, versioned, folder) == names
    assert [(move.version, move.reason) for move in versioned.models.moves(MODEL)] == [
        (2, "promoted"),
        (1, "rolled back"),
        (2, "published"),
        (1, "published"),
    ]
    audit = versioned.ledger.verify()
    assert (audit.versions, audit.aliases, audit.broken) == (2, 1, ())


def test_the_record_of_a_model_that_was_taken_is_not_written_over(
    versioned: Record, client: Minio, tmp_path: Path
):
    published(versioned, tmp_path, 1)
    with pytest.raises(ModelExists, match="exists already"):
        versioned.models.create(Model(MODEL, "other", "other"))
    assert everything(client, versioned, object_names.model(MODEL)) == [object_names.model(MODEL)]
