"""Disks that are full: the worker's, the object store's and Redis's."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from lethe.stack.process import LOOPBACK, free_port
from lethe.stack.servers import start_s3
from storage import keys
from storage.queue import CPU, Queue
from storage.record import QueueUnavailable, Record
from storage.settings import Settings
from storage.store.objects import StoreUnavailable
from storage.tickets.desk import Desk
from storage.tickets.states import State
from storage.tickets.strays import walk
from tests.faults.quick import MODEL, Workshop, check_completed_once, faces, quick_workshop
from tests.faults.redis_server import RedisServer
from tests.faults.small_disk import SmallDisk, mounted
from tests.storage import pictures
from tests.storage.conftest import request_for
from tests.workers.erased import Unlearner, use
from tests.workers.lines import add_line, weightless
from tests.workers.short import SHORT
from workers.erase import erase
from workers.prepare import prepare
from workers.sweep import sweep
from workers.unlearning import Plan, unlearn
from workers.unlearning.loop import Unlearned

FULL = "OSError (No space left on device)"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def workshop(
    settings: Settings, tmp_path: Path, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workshop]:
    """Its workers have their cache and their temporary files on the small disk."""
    temporary = disk.folder / "tmp"
    temporary.mkdir()
    given = settings.model_copy(update={"cache_dir": disk.folder / "cache"})
    with quick_workshop(given, tmp_path) as workshop:
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        yield workshop


def _fails(workshop: Workshop, ticket: str, work: Callable[[], None]) -> None:
    """The work stops with one line in the log that says why, and rests before it is done again."""
    with capture_logs() as logs:
        work()
    (entry,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert (entry["event"], entry["error"], entry["attempt"]) == ("failed", FULL, 1)
    assert 0 < workshop.record.redis.ttl(keys.rest(ticket)) <= workshop.settings.sweep_seconds
    sweep()
    assert not workshop.record.redis.exists(keys.sent("model", MODEL), keys.sent("ticket", ticket))


def test_a_version_that_the_workers_disk_has_no_room_for_is_pulled_when_it_has(
    workshop: Workshop, disk: SmallDisk
) -> None:
    ticket = workshop.approved(faces().subject)
    disk.fill(leave=256 * 1024)
    _fails(workshop, ticket, lambda: prepare(ticket))
    assert workshop.state(ticket) is State.PREPARING
    assert disk.files() == []
    disk.free()
    prepare(ticket)
    erase(MODEL)
    check_completed_once(workshop, ticket)


class Brief(Unlearner):
    """A real run of two steps, with its cache."""

    def make(self, *given: Any) -> Unlearned:
        recognizer, subjects, reference, watch, cache, checkpoints = given
        plan = replace(Plan(**SHORT), steps=2, validate=False)
        return unlearn(recognizer, subjects, reference, plan, watch, cache, checkpoints)


def test_activations_that_the_workers_disk_has_no_room_for_are_left_by_no_part_of_them(
    workshop: Workshop, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Brief(), workshop.settings.policy)
    ticket = workshop.queued(faces().subject)
    before = disk.files()
    disk.fill(leave=256 * 1024)
    _fails(workshop, ticket, lambda: erase(MODEL))
    assert workshop.state(ticket) is State.UNLEARNING
    assert disk.files() == before
    disk.free()
    erase(MODEL)
    check_completed_once(workshop, ticket)


def test_a_disk_that_stays_full_fails_the_ticket_which_says_why_and_a_retry_completes_it(
    workshop: Workshop, disk: SmallDisk
) -> None:
    """It has no room for the new version."""
    ticket = workshop.queued(faces().subject)
    before = disk.files()
    disk.fill(leave=256 * 1024)
    _fails(workshop, ticket, lambda: erase(MODEL))
    for _ in range(workshop.settings.task_attempts - 1):
        assert workshop.state(ticket) is State.UNLEARNING
        erase(MODEL)
    assert workshop.state(ticket) is State.FAILED
    assert workshop.record.models.numbers(MODEL) == [1]
    assert disk.files() == before
    assert workshop.load(ticket).note.startswith(f"tried 5 times; the last time: {FULL} in ")
    disk.free()
    workshop.desk.retry(ticket, "grace")
    erase(MODEL)
    check_completed_once(workshop, ticket)


@pytest.fixture
def stored(settings: Settings, tmp_path: Path, disk: SmallDisk) -> Iterator[Settings]:
    """The object store is on the small disk."""
    port, key = free_port(), settings.s3_secret_key.get_secret_value()
    log = tmp_path / "s3.log"
    server = start_s3(disk.folder / "s3", log, port, settings.s3_access_key, key)
    yield settings.model_copy(update={"s3_endpoint": f"http://{LOOPBACK}:{port}"})
    server.stop()


def _refused(work: Callable[[], object]) -> None:
    with pytest.raises(StoreUnavailable) as error:
        work()
    line = str(error.value)
    assert "500" in line
    assert "or is its disk full?" in line
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize("pages", [0, 2, 4, 5])
def test_a_submission_to_a_store_whose_disk_is_full_is_whole_or_refused(
    stored: Settings, disk: SmallDisk, tmp_path: Path, pages: int
) -> None:
    """So many pages of 4 KiB are left: three photos, their list and the event take one each."""
    record = Record.open(stored.model_copy(update={"orphan_seconds": 1}))
    desk = Desk(record, Queue(stored))
    add_line(record, MODEL, weightless(tmp_path))
    disk.fill(leave=4096 * pages)
    if pages < 5:
        _refused(lambda: desk.submit(request_for(), pictures.photos(3), "ada"))
        assert record.tickets.recent() == []
    else:
        desk.submit(request_for(), pictures.photos(3), "ada")
    disk.free()
    ticket = desk.submit(request_for(), pictures.photos(3), "ada")
    assert record.photos.all(ticket.id) == pictures.photos(3)
    if pages == 4:  # whether the event is there nobody could know: the photos waited for it
        assert len(record.ledger.verify().broken) == 1
        time.sleep(1.1)
        assert len(walk(record).removed) == 1
    assert record.ledger.verify().broken == ()


def test_a_version_that_the_store_has_no_room_for_is_published_once_when_it_has(
    stored: Settings, disk: SmallDisk, tmp_path: Path
) -> None:
    with quick_workshop(stored, tmp_path) as workshop:
        ticket = workshop.queued(faces().subject)
        disk.fill(leave=512 * 1024)  # enough for events, too little for a model
        with capture_logs() as logs:
            erase(MODEL)
        assert [entry["error"] for entry in logs if entry["event"] == "failed"] == [
            "StoreUnavailable"
        ]
        assert workshop.state(ticket) is State.PUBLISHING
        assert workshop.record.models.numbers(MODEL) == [1]
        assert workshop.record.models.find(MODEL).number == 1
        disk.free()
        erase(MODEL)
        check_completed_once(workshop, ticket)


@pytest.fixture
def server(disk: SmallDisk) -> Iterator[RedisServer]:
    server = RedisServer(disk.folder)
    yield server
    server.stop()


def test_a_redis_whose_disk_is_full_loses_no_ticket_and_says_what_to_do(
    settings: Settings, disk: SmallDisk, server: RedisServer, tmp_path: Path
) -> None:
    with quick_workshop(settings.model_copy(update={"redis_url": server.url}), tmp_path) as shop:
        first = shop.desk.submit(request_for(photos=6), faces().subject, "ada").id
        disk.fill()
        _until_it_notices(shop.record)
        with capture_logs() as logs:
            second = shop.desk.submit(request_for(photos=6), faces().subject, "ada").id
        assert ["not indexed" in entry["event"] for entry in logs] == [True]
        with pytest.raises(QueueUnavailable, match=r"cannot write to its disk: free some space"):
            shop.desk.approve(first, "grace")
        assert shop.queue.prepare(first) is False
        disk.free()
        _until_it_writes(shop.record)
        sweep()
        assert {ticket.id for ticket in shop.record.tickets.recent()} == {first, second}
        for ticket in (first, second):
            shop.desk.approve(ticket, "grace")
            prepare(ticket)
        assert shop.queue.length(CPU) == 2
        erase(MODEL)
        check_completed_once(shop, first, second)


def _until_it_notices(record: Record) -> None:
    """The append-only file is written behind the answer to the first write."""
    _wait_for(lambda: not _writes(record))


def _until_it_writes(record: Record) -> None:
    """Redis looks again once a second."""
    _wait_for(lambda: _writes(record))


def _writes(record: Record) -> bool:
    try:
        record.redis.set("test", "x" * 8192)
    except QueueUnavailable:
        return False
    return True


def _wait_for(what: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)
