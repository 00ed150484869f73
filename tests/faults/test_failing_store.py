"""A store that is slow, out of order for a while, or gone: waited for, but not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.models.registry import Version
from storage.record import Record
from storage.settings import BadSettings, settings
from storage.store.objects import ObjectStore, StoreUnavailable
from storage.tickets.desk import Desk
from tests.faults.proxy import Fault, Proxy
from tests.storage import pictures
from tests.storage.conftest import request_for

# Seconds that the store waits in all between its tries: 0.4 and 0.8; the rest is a busy machine.
RETRIED, GIVEN_UP = 4.0, 4.0
SILENT = 3 * 1.0 + GIVEN_UP  # asked three times, and each time LETHE_S3_TIMEOUT of one second


def _operations(objects: ObjectStore, folder: Path) -> dict[str, Callable[[], object]]:
    return {
        "get": lambda: objects.get("a/b"),
        "get_file": lambda: objects.get_file("a/b", folder / "b"),
        "put": lambda: objects.put("a/c", b"data"),
        "exists": lambda: objects.exists("a/b"),
        "names": lambda: list(objects.names("a/")),
        "folders": lambda: objects.folders(""),
        "remove_all": lambda: objects.remove_all("a/"),
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


@pytest.mark.parametrize("fault", [Fault.ANSWER_500, Fault.ANSWER_503])
def test_a_store_that_answers_500_or_503_twice_is_asked_again_within_seconds(
    faulty: Record, proxy: Proxy, tmp_path: Path, fault: Fault
):
    """503 comes with `Retry-After: 3600`, which would hold a request of the web for an hour."""
    faulty.objects.put("a/b", b"data")
    for name, work in _operations(faulty.objects, tmp_path).items():
        method = "POST" if name == "remove_all" else "[A-Z]+"  # the deletion, not the list before
        rule = proxy.on(fault, method, times=2)
        assert _seconds(work) < RETRIED, name
        assert rule.hits == 2, name
        proxy.clear()
    assert list(faulty.objects.names("a/")) == []


@pytest.mark.parametrize("fault", [Fault.ANSWER_500, Fault.ANSWER_503])
def test_a_store_that_stays_out_of_order_is_given_up_with_one_line_that_says_so(
    faulty: Record, proxy: Proxy, tmp_path: Path, fault: Fault
):
    proxy.on(fault)
    lines = _given_up(_operations(faulty.objects, tmp_path), GIVEN_UP)
    status = fault.value.removeprefix("answer_")
    assert all(f"too many {status} error responses" in line for line in lines)


def test_a_store_that_is_down_is_said_in_one_line_and_works_again_when_it_is_up(
    faulty: Record, proxy: Proxy, tmp_path: Path
):
    faulty.objects.put("a/b", b"data")
    proxy.down()
    _given_up(_operations(faulty.objects, tmp_path), GIVEN_UP)
    proxy.up()
    assert faulty.objects.get("a/b") == b"data"


def test_a_store_that_says_nothing_is_given_up_after_three_times_the_timeout(
    faulty: Record, proxy: Proxy, tmp_path: Path
):
    rule = proxy.on(Fault.SILENT, seconds=60)
    operations = _operations(faulty.objects, tmp_path)
    lines = _given_up(operations, SILENT)
    assert rule.hits == 3 * len(operations)
    assert all("ReadTimeoutError" in line for line in lines)


@pytest.mark.parametrize("seconds", ["0", "0.5", "301", "inf", "nan", "soon"])
def test_a_timeout_that_bounds_nothing_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, seconds: str
):
    for name in ("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY"):
        monkeypatch.setenv(f"LETHE_{name}", "http://127.0.0.1:9000")
    monkeypatch.setenv("LETHE_S3_TIMEOUT", seconds)
    settings.cache_clear()
    with pytest.raises(BadSettings, match="LETHE_S3_TIMEOUT"):
        settings()


def _given_up(operations: dict[str, Callable[[], object]], seconds: float) -> list[str]:
    """All at once, as a web application would; each fails with one line, within ``seconds``."""

    def line(work: Callable[[], object]) -> str:
        with pytest.raises(StoreUnavailable, match="is it running") as error:
            work()
        return str(error.value)

    start = time.monotonic()
    with ThreadPoolExecutor(len(operations)) as pool:
        lines = list(pool.map(line, operations.values()))
    assert time.monotonic() - start < seconds
    assert [len(line.splitlines()) for line in lines] == [1] * len(lines)
    return lines


def test_a_slow_store_delays_and_loses_nothing(
    record: Record, faulty: Record, proxy: Proxy, faulty_desk: Desk, publish: Callable[..., Version]
):
    publish()
    rule = proxy.on(Fault.SLOW, seconds=0.2)
    given = pictures.photos(3)
    start = time.monotonic()
    ticket = faulty_desk.submit(request_for(), given, "ada")
    assert time.monotonic() - start > rule.hits * 0.2
    assert rule.hits >= 6  # the model, three photos, their list, the event
    assert faulty.photos.all(ticket.id) == given == record.photos.all(ticket.id)
    assert record.tickets.load(ticket.id) == ticket
    assert record.ledger.verify().broken == ()
