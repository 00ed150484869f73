"""What does not arrive whole does not count, and nobody is told that it was kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.models.registry import Version
from storage.record import Record
from storage.store.objects import ObjectMissing, StoreUnavailable
from tests.faults.proxy import Fault, Proxy
from tests.storage.conftest import MODEL

DAMAGES = [Fault.CUT_REQUEST, Fault.ALTER_REQUEST]
LARGE = secrets.token_bytes(1 << 20) * 11  # bytes; above 5 MiB they go in parts


@pytest.mark.parametrize("fault", DAMAGES)
def test_an_object_that_arrives_cut_or_altered_is_none(
    record: Record, faulty: Record, proxy: Proxy, fault: Fault
):
    rule = proxy.on(fault, "PUT")
    with pytest.raises(StoreUnavailable, match=r"^a/new: ") as error:
        faulty.objects.put("a/new", b"what should be kept")
    assert len(str(error.value).splitlines()) == 1
    assert rule.hits
    assert list(record.objects.names("a/")) == []
    with pytest.raises(ObjectMissing):
        record.objects.get("a/new")


@pytest.mark.parametrize("fault", DAMAGES)
def test_what_was_there_stays_when_the_new_one_arrives_cut_or_altered(
    record: Record, faulty: Record, proxy: Proxy, fault: Fault
):
    record.objects.put("a/old", b"as it was")
    proxy.on(fault, "PUT")
    with pytest.raises(StoreUnavailable):
        faulty.objects.put("a/old", b"what should be kept")
    assert record.objects.get("a/old") == b"as it was"


@pytest.mark.parametrize("fault", DAMAGES)
def test_a_large_object_of_which_one_part_arrives_cut_or_altered_is_none(
    record: Record, faulty: Record, proxy: Proxy, fault: Fault, tmp_path: Path
):
    (tmp_path / "large").write_bytes(LARGE)
    rule = proxy.on(fault, "PUT", "partNumber=2")
    with pytest.raises(StoreUnavailable, match=r"^a/large: "):
        faulty.objects.put_file("a/large", tmp_path / "large")
    assert rule.hits
    assert list(record.objects.names("a/")) == []


def test_a_write_that_is_cut_once_is_done_again_and_whole(
    record: Record, faulty: Record, proxy: Proxy, tmp_path: Path
):
    (tmp_path / "large").write_bytes(LARGE)
    rules = [
        proxy.on(Fault.CUT_REQUEST, "PUT", "a/small", times=1),
        proxy.on(Fault.CUT_REQUEST, "PUT", "partNumber=2", times=1),
    ]
    small = faulty.objects.put("a/small", b"data")
    large = faulty.objects.put_file("a/large", tmp_path / "large")
    assert [rule.hits for rule in rules] == [1, 1]
    assert record.objects.get("a/small", small) == b"data"
    assert record.objects.get("a/large", large) == LARGE


def test_a_write_whose_answer_is_lost_is_done_again_and_changes_nothing(
    record: Record, faulty: Record, proxy: Proxy
):
    rule = proxy.on(Fault.LOSE_ANSWER, "PUT", times=2)
    digest = faulty.objects.put("a/b", b"data")
    assert rule.hits == 2
    assert record.objects.get("a/b", digest) == b"data"


def test_a_large_write_whose_last_answer_is_lost_is_whole_or_refused(
    record: Record, faulty: Record, proxy: Proxy, tmp_path: Path
):
    """Asked again to put the parts together, a server may know nothing of them any more."""
    (tmp_path / "large").write_bytes(LARGE)
    rule = proxy.on(Fault.LOSE_ANSWER, "POST", "uploadId=", times=1)
    with pytest.raises(StoreUnavailable, match=r"^a/large: .*NoSuchUpload"):
        faulty.objects.put_file("a/large", tmp_path / "large")
    assert rule.hits == 1
    assert record.objects.get("a/large") == LARGE


@pytest.mark.parametrize("what", [r"model\.onnx", r"manifest\.json"])
def test_a_version_whose_upload_is_cut_is_none_and_the_next_takes_its_number(
    record: Record,
    faulty: Record,
    proxy: Proxy,
    publish: Callable[..., Version],
    tmp_path: Path,
    what: str,
):
    first = publish()
    (tmp_path / "new.onnx").write_bytes(b"new weights")
    files = {"model.onnx": tmp_path / "new.onnx"}
    proxy.on(Fault.CUT_REQUEST, "PUT", f"000002/{what}")
    with faulty.leases.hold("model", MODEL) as lease:
        assert lease is not None
        with pytest.raises(StoreUnavailable):
            faulty.models.publish(MODEL, files, {"by": "test"}, parent=first, lease=lease)
    assert record.models.numbers(MODEL) == [1]
    assert record.models.find(MODEL) == first
    assert record.ledger.verify().broken == ()
    assert publish(b"other weights", first).number == 2
    assert record.ledger.verify().broken == ()
