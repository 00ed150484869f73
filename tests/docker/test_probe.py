"""docker/probe.py, against what it is asked about."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest
from werkzeug.serving import make_server

from lethe.stack.process import LOOPBACK, free_port
from storage import presence
from storage.record import Record
from storage.settings import Settings
from tests.docker.dockerfile import ROOT
from web.app import create_app


def load() -> ModuleType:
    spec = spec_from_file_location("probe", ROOT / "docker" / "probe.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ask = load().main


def probe(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    needed = {"LETHE_S3_ENDPOINT": "http://127.0.0.1:1", "LETHE_S3_ACCESS_KEY": "nobody"}
    needed |= {
        "LETHE_S3_SECRET_KEY": "nothing",
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
    }
    return subprocess.run(
        [sys.executable, str(ROOT / "docker" / "probe.py"), *arguments],
        env=needed | dict(environment or {}),
        capture_output=True,
        text=True,
    )


def test_the_web_application_is_alive_while_it_answers(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    server = make_server(LOOPBACK, 0, create_app(settings))
    address = f"http://{LOOPBACK}:{server.port}/healthz"
    thread = Thread(target=server.serve_forever)
    thread.start()
    assert ask(["web", address]) == 0
    server.shutdown()
    thread.join()
    server.server_close()
    assert ask(["web", address]) == 1
    assert f"{address} does not answer" in capsys.readouterr().err


def test_a_worker_is_alive_while_it_says_so(record: Record, settings: Settings) -> None:
    environment = {"LETHE_REDIS_URL": settings.redis_url}
    name = f"cpu@{socket.gethostname()}"
    silent = probe("worker", "cpu", environment=environment)
    assert (silent.returncode, silent.stderr) == (1, f"{name} has been silent for too long\n")
    presence.say(record.redis, name, ["cpu"], holds=True)
    assert probe("worker", "cpu", environment=environment).returncode == 0
    assert probe("worker", "gpu", environment=environment).returncode == 1


def test_without_redis_a_worker_is_not_alive_and_the_password_stays_unsaid() -> None:
    url = f"redis://:a-password@{LOOPBACK}:{free_port()}/0"
    ran = probe("worker", "cpu", environment={"LETHE_REDIS_URL": url})
    assert (ran.returncode, ran.stderr) == (1, "Redis does not answer (ConnectionError)\n")


@pytest.mark.parametrize("ending", ["", ".db", ".dat"])
def test_the_clock_is_alive_while_it_writes_its_schedule(ending: str, tmp_path: Path) -> None:
    schedule = tmp_path / "beat"
    assert ask(["beat", str(schedule)]) == 1
    written = tmp_path / f"beat{ending}"
    written.touch()
    assert ask(["beat", str(schedule)]) == 0
    long_ago = time.time() - 3600
    os.utime(written, (long_ago, long_ago))
    assert ask(["beat", str(schedule)]) == 1


@pytest.mark.parametrize("arguments", [[], ["wep"], ["worker"], ["web", "a", "b"]])
def test_a_question_that_is_none_is_refused(arguments: list[str]) -> None:
    assert ask(arguments) == 2
