"""The web process is killed while somebody submits: nothing is half accepted, nothing stays."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from storage.record import Record
from storage.settings import MIB, Settings
from storage.tickets.states import State
from storage.tickets.strays import Strays, walk
from tests.faults.proxy import Fault, Proxy
from tests.faults.redis_server import RedisServer
from tests.faults.web_process import Browser, WebProcess, serving, wait_for
from tests.storage import pictures
from tests.storage.conftest import MODEL
from tests.workers.lines import add_line, weightless

PHOTOS = {photo.name: photo.data for photo in pictures.photos(3)}
THREADS = 8  # of the process that serves
LARGE = {f"IMG_{number}.jpg": bytes([number]) * MIB for number in range(1, 4)}  # kept in files


def _archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in LARGE.items():
            archive.writestr(name, data)
    return file.getvalue()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def kept(settings: Settings, server: RedisServer, tmp_path: Path) -> Record:
    """What is really there; an hour lasts a second."""
    given = {"redis_url": server.url, "orphan_seconds": 1}
    record = Record.open(settings.model_copy(update=given))
    add_line(record, MODEL, weightless(tmp_path))
    return record


@pytest.fixture
def web(kept: Record, proxy: Proxy, tmp_path: Path) -> Iterator[WebProcess]:
    """It sees the store through the proxy."""
    given = {"s3_endpoint": proxy.url, "s3_timeout": 20.0}
    with serving(kept.settings.model_copy(update=given), tmp_path) as web:
        yield web


def _about_tickets(record: Record) -> set[str]:
    found = {str(key) for key in record.redis.scan_iter()}
    return {key for key in found if not key.startswith(("lethe:account:", "lethe:limits:"))}


def _accepted(browser: Browser, record: Record) -> str:
    """A submission that nobody disturbs; its ticket."""
    answer = browser.submit(PHOTOS)
    assert answer.status_code == 303, answer.text
    ticket = answer.headers["Location"].rpartition("/")[2]
    assert browser.get(f"/tickets/{ticket}").status_code == 200
    assert record.tickets.get(ticket).state is State.SUBMITTED
    assert {photo.name: photo.data for photo in record.photos.all(ticket)} == PHOTOS
    return ticket


def test_an_upload_whose_process_is_killed_leaves_nothing_anywhere(
    kept: Record, web: WebProcess
) -> None:
    """Photos and an archive at once, each far into its body; then the page works again."""
    browser, before = Browser(web, kept), _about_tickets(kept)
    uploads = [browser.begin(LARGE, 0.8), browser.begin({"all.zip": _archive()}, 0.8)]
    # On disk, and unlinked as soon as they were made: no kill can leave them behind.
    wait_for(lambda: len([name for name in web.uploaded() if "(deleted)" in name]) >= 4)
    assert list(web.temporary.iterdir()) == []
    web.kill()
    web.start()
    for upload in uploads:
        upload.close()
    assert list(web.temporary.iterdir()) == []
    assert list(kept.objects.names("tickets/")) == []
    assert _about_tickets(kept) == before
    ticket = _accepted(browser, kept)  # the session outlives the process
    assert kept.tickets.recorded() == [ticket]
    assert kept.ledger.verify().broken == ()


def test_photos_that_a_killed_process_had_written_are_removed_by_the_sweeps_walk(
    kept: Record, web: WebProcess, proxy: Proxy
) -> None:
    browser = Browser(web, kept)
    rule = proxy.on(Fault.SILENT, "PUT", r"manifest\.json", seconds=20.0)
    upload = browser.begin(PHOTOS)
    wait_for(lambda: rule.hits)
    web.kill_serving()
    upload.close()
    proxy.clear()
    (left,) = kept.tickets.recorded()
    assert kept.photos.left(left) == len(PHOTOS)
    assert kept.tickets.recent() == []
    ticket = _accepted(browser, kept)
    time.sleep(1.1)
    assert walk(kept) == Strays(indexed=(), removed=(left,), broken=())
    assert [name for name in kept.objects.names("tickets/") if left in name] == []
    assert kept.tickets.load(ticket).state is State.SUBMITTED
    assert kept.ledger.verify().broken == ()


def test_a_ticket_whose_process_is_killed_before_the_answer_is_whole_and_sent_again_is_a_second(
    kept: Record, web: WebProcess, proxy: Proxy, server: RedisServer
) -> None:
    """Nobody told the user of the first. Both are in the list, and one of them can be cancelled."""
    browser = Browser(web, kept)
    rule = proxy.on(Fault.SLOW, "PUT", "/events/", seconds=0.5)
    upload = browser.begin(PHOTOS)
    wait_for(lambda: rule.hits)
    server.kill()  # the index, which comes after the event, waits for it
    wait_for(lambda: any("/events/" in name for name in kept.objects.names("tickets/")))
    web.serving().kill()
    server.start()
    upload.close()
    proxy.clear()
    (first,) = kept.tickets.recorded()
    assert kept.tickets.recent() == []
    assert walk(kept).indexed == (first,)
    wait_for(lambda: browser.get("/healthz").status_code == 200)
    second = _accepted(browser, kept)
    assert {ticket.id for ticket in kept.tickets.recent()} == {first, second}
    for ticket in (first, second):
        assert {photo.name: photo.data for photo in kept.photos.all(ticket)} == PHOTOS
    assert kept.ledger.verify().broken == ()


def test_those_who_stop_in_mid_upload_are_cut_off_and_keep_nobody_waiting(
    kept: Record, tmp_path: Path
) -> None:
    """As many as there are threads; half of them go on, a byte now and then."""
    with serving(kept.settings, tmp_path, {"LETHE_PIECE_SECONDS": "2"}) as web:
        browser = Browser(web, kept)
        uploads = [browser.begin(LARGE, 0.8) for _ in range(THREADS)]
        with pytest.raises(requests.Timeout):
            browser.get("/healthz", seconds=0.5)
        for _ in range(6):
            for upload in uploads[:4]:
                with suppress(OSError):
                    upload.sendall(b"x")
            time.sleep(0.4)
        assert browser.get("/healthz", seconds=10).status_code == 200
        assert [upload.recv(12) for upload in uploads] == [b"HTTP/1.1 400"] * THREADS
        assert list(kept.objects.names("tickets/")) == []
        _accepted(browser, kept)


def test_strangers_who_say_a_byte_and_no_more_are_hung_up_on_and_keep_nobody_waiting(
    kept: Record, tmp_path: Path
) -> None:
    with serving(kept.settings, tmp_path, {"LETHE_PIECE_SECONDS": "2"}) as web:
        browser = Browser(web, kept)
        strangers = [web.connect() for _ in range(THREADS)]
        for stranger in strangers:
            stranger.sendall(b"G")
        time.sleep(0.5)  # until each has a thread
        with pytest.raises(requests.Timeout):
            browser.get("/healthz", seconds=0.5)
        assert browser.get("/healthz", seconds=10).status_code == 200
        assert [stranger.recv(12) for stranger in strangers] == [b""] * THREADS
