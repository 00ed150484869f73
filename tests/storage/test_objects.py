"""The object store: what is read is what was written, and every failure says what to do."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from pydantic import SecretStr

from lethe.stack.process import free_port
from storage.canonical import Corrupt, sha256
from storage.record import QueueUnavailable, Record
from storage.settings import Settings
from storage.store.objects import ObjectMissing, ObjectStore, StoreRefused, StoreUnavailable


@pytest.fixture
def objects(record: Record) -> ObjectStore:
    return record.objects


def test_what_is_written_is_read_back_under_its_digest(objects: ObjectStore):
    digest = objects.put("a/b", b"data")
    assert digest == sha256(b"data")
    assert objects.get("a/b", digest) == b"data"
    assert objects.exists("a/b")


def test_processes_that_start_together_on_an_empty_store_all_find_their_bucket(settings: Settings):
    for _ in range(5):
        fresh = settings.model_copy(update={"s3_bucket": f"test-{secrets.token_hex(6)}"})
        together = Barrier(8)

        def start(fresh: Settings = fresh, together: Barrier = together) -> None:
            store = ObjectStore.from_settings(fresh)
            together.wait()
            store.ensure_bucket()

        with ThreadPoolExecutor(8) as pool:
            for started in [pool.submit(start) for _ in range(8)]:
                started.result()


@pytest.mark.parametrize("data", [b"", bytes(range(256)) * 24_000])
def test_empty_and_large_objects_come_back_whole(objects: ObjectStore, tmp_path: Path, data: bytes):
    (tmp_path / "in").write_bytes(data)
    digest = objects.put_file("file", tmp_path / "in")
    objects.get_file("file", tmp_path / "out", digest)
    assert (tmp_path / "out").read_bytes() == data == objects.get("file", digest)


def test_an_object_of_another_digest_is_corrupt_and_named(objects: ObjectStore, tmp_path: Path):
    digest = objects.put("models/a", b"as written")
    objects.put("models/a", b"altered since")
    with pytest.raises(Corrupt, match=r"^models/a: has SHA-256 .* altered or damaged"):
        objects.get("models/a", digest)
    with pytest.raises(Corrupt, match=r"^models/a: "):
        objects.get_file("models/a", tmp_path / "out", digest)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_object_is_named(objects: ObjectStore, tmp_path: Path):
    assert not objects.exists("no/such")
    with pytest.raises(ObjectMissing, match=r"^no/such: "):
        objects.get("no/such")
    with pytest.raises(ObjectMissing, match=r"^no/such: "):
        objects.get_file("no/such", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_names_and_folders_are_those_under_the_prefix_alone(objects: ObjectStore):
    for name in ("t/b/1", "t/a/2", "t/a/1", "t/top", "tt/c/1"):
        objects.put(name, b"")
    assert list(objects.names("t/a/")) == ["t/a/1", "t/a/2"]
    assert sorted(objects.folders("t/")) == ["a", "b"]
    assert objects.folders("nothing/") == []
    assert list(objects.names("nothing/")) == []


def test_removing_a_prefix_removes_that_and_nothing_else(objects: ObjectStore):
    for name in ("t/a/1", "t/a/deep/2", "t/ab/1"):
        objects.put(name, b"x")
    assert objects.remove_all("t/a/") == 2
    assert list(objects.names("t/")) == ["t/ab/1"]
    assert objects.remove_all("t/a/") == 0


@pytest.mark.parametrize(
    "wrong",
    [{"s3_access_key": "somebody-else"}, {"s3_secret_key": SecretStr("wrong-secret-wrong")}],
)
def test_a_wrong_key_is_refused_with_a_line_that_names_the_variables(
    settings: Settings, record: Record, wrong: dict[str, object], tmp_path: Path
):
    record.objects.put("a", b"data")
    refused = settings.model_copy(update=wrong)
    with pytest.raises(StoreRefused, match=r"LETHE_S3_ACCESS_KEY and LETHE_S3_SECRET_KEY") as error:
        Record.open(refused)
    assert len(str(error.value).splitlines()) == 1
    assert refused.s3_secret_key.get_secret_value() not in str(error.value)
    store = ObjectStore.from_settings(refused)
    for attempt in (
        lambda: store.get("a"),
        lambda: store.put("a", b"other"),
        lambda: store.exists("a"),
        lambda: store.get_file("a", tmp_path / "a"),
        lambda: list(store.names("")),
        lambda: store.folders("t/"),
        lambda: store.remove_all(""),
    ):
        with pytest.raises(StoreRefused, match="LETHE_S3_ACCESS_KEY"):
            attempt()
    assert record.objects.get("a") == b"data"


def test_no_server_is_said_within_seconds(settings: Settings):
    gone = settings.model_copy(update={"s3_endpoint": f"http://127.0.0.1:{free_port()}"})
    start = time.monotonic()
    with pytest.raises(StoreUnavailable, match="is it running, and is LETHE_S3_ENDPOINT right"):
        Record.open(gone)
    assert time.monotonic() - start < 5


def test_a_server_that_is_no_s3_is_said_within_seconds(settings: Settings):
    redis = settings.redis_url.split("@")[1].split("/")[0]
    start = time.monotonic()
    with pytest.raises(StoreUnavailable, match="LETHE_S3_ENDPOINT"):
        Record.open(settings.model_copy(update={"s3_endpoint": f"http://{redis}"}))
    assert time.monotonic() - start < 5


def test_no_redis_is_said_within_seconds_and_without_its_password(settings: Settings):
    url = f"redis://:very-secret@127.0.0.1:{free_port()}/0"
    start = time.monotonic()
    with pytest.raises(QueueUnavailable, match="is it running, and is LETHE_REDIS_URL") as error:
        Record.open(settings.model_copy(update={"redis_url": url}))
    assert time.monotonic() - start < 10
    assert "very-secret" not in str(error.value)


def test_a_wrong_redis_password_is_refused_without_printing_it(settings: Settings):
    host = settings.redis_url.split("@")[1]
    with pytest.raises(QueueUnavailable) as error:
        Record.open(settings.model_copy(update={"redis_url": f"redis://:very-secret@{host}"}))
    assert "very-secret" not in str(error.value)
