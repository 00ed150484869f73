"""A process that is stopped past its lease, right before its write, and then goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from storage import object_names
from storage.canonical import Corrupt, sha256
from storage.models.registry import MODEL_FILE, Model, Version
from storage.record import Record
from tests.storage import late_publisher
from tests.storage.conditional import client, conditional_settings, moto, versioned
from tests.storage.conftest import MODEL

__all__ = ["client", "conditional_settings", "moto", "versioned"]

SECONDS = 20.0  # for a process to start on a busy machine


class Late:
    """The process, stopped before its write; its lease has run out meanwhile."""

    def __init__(self, record: Record, what: str, file: Path, part: str) -> None:
        given = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in record.settings.model_dump(mode="python").items()
            if name.startswith(("s3_", "redis_"))
        }
        command = [sys.executable, "-m", late_publisher.__name__]
        command += [json.dumps({**given, "lease_seconds": 1}), what, str(file), part]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        end = time.monotonic() + SECONDS
        while not os.WIFSTOPPED(self._status()):
            assert time.monotonic() < end
            time.sleep(0.02)
        while record.leases.held("model", MODEL):
            assert time.monotonic() < end
            time.sleep(0.02)

    def _status(self) -> int:
        return os.waitpid(self._process.pid, os.WUNTRACED | os.WNOHANG)[1]

    def go_on(self) -> str:
        self._process.send_signal(signal.SIGCONT)
        out, _ = self._process.communicate(timeout=SECONDS)
        return out

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Record, bytes], Version]:
    """Publishes a version and points ``current`` at it."""

    def published(record: Record, data: bytes) -> Version:
        path = tmp_path / "given.onnx"
        path.write_bytes(data)
        with record.leases.hold("model", MODEL) as lease:
            assert lease is not None
            models = record.models
            parent = models.find(MODEL) if models.numbers(MODEL) else None
            made = models.publish(MODEL, {MODEL_FILE: path}, {}, parent=parent, lease=lease)
            models.release(made, "ada", lease)
        return made

    return published


@pytest.fixture
def late(tmp_path: Path) -> Callable[[Record, str, str], Late]:
    path = tmp_path / "late.onnx"
    path.write_bytes(b"late")
    started: list[Late] = []

    def start(record: Record, what: str, part: str) -> Late:
        started.append(Late(record, what, path, part))
        return started[-1]

    yield start
    for process in started:
        process.end()


def test_a_manifest_that_comes_late_replaces_none_where_there_are_conditional_writes(
    versioned: Record, write: Callable[..., Version], late: Callable[..., Late]
):
    versioned.models.create(Model(MODEL, "reference", "benchmark"))
    first = write(versioned, b"first")
    slept = late(versioned, "publish", "000002/manifest.json")
    second = write(versioned, b"in time")
    assert slept.go_on().startswith("LeaseLost models/door-cameras/versions/000002/manifest.json")
    assert versioned.models.versions(MODEL) == [first, second]
    assert versioned.models.find(MODEL) == second
    assert versioned.ledger.verify().broken == ()
    folder = object_names.version(MODEL, 2)  # what the late one wrote beside it is gone
    names = sorted([object_names.manifest(MODEL, 2), second.object(MODEL_FILE)])
    assert list(versioned.objects.names(folder)) == names


def test_a_file_that_comes_late_replaces_none_without_conditional_writes(
    record: Record, write: Callable[..., Version], late: Callable[..., Late]
):
    record.models.create(Model(MODEL, "reference", "benchmark"))
    write(record, b"first")
    slept = late(record, "publish", "000002/model.onnx")
    second = write(record, b"in time")
    assert slept.go_on().startswith("LeaseLost")
    assert second.files == {MODEL_FILE: sha256(b"in time")}
    assert record.models.find(MODEL) == second
    assert record.ledger.verify().broken == ()


def test_a_move_that_comes_late_is_none_where_there_are_conditional_writes(
    versioned: Record, write: Callable[..., Version], late: Callable[..., Late]
):
    versioned.models.create(Model(MODEL, "reference", "benchmark"))
    write(versioned, b"first")
    second = write(versioned, b"second")
    slept = late(versioned, "promote", "aliases/current/000003.json")
    third = write(versioned, b"third")
    assert slept.go_on().startswith("LeaseLost models/door-cameras/aliases/current/000003.json")
    assert versioned.models.find(MODEL) == third
    assert [move.version for move in versioned.models.moves(MODEL)] == [3, 2, 1]
    assert third.parent == second.digest
    assert versioned.ledger.verify().broken == ()


def test_without_conditional_writes_a_lost_race_is_noticed_by_both(
    record: Record, write: Callable[..., Version], late: Callable[..., Late]
):
    record.models.create(Model(MODEL, "reference", "benchmark"))
    write(record, b"first")
    slept = late(record, "publish", "000002/manifest.json")
    second = write(record, b"in time")
    assert slept.go_on().startswith("LeaseLost the lease on model door-cameras was lost")
    with pytest.raises(Corrupt, match=r"000002/manifest\.json: not the version that current was"):
        record.models.find(MODEL)
    assert any("current/000002.json" in line for line in record.ledger.verify().broken)
    assert record.objects.get(second.object(MODEL_FILE)) == b"in time"
