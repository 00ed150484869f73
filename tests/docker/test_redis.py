"""Redis as compose.yaml starts it: its own script and settings, in a folder of the test's."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from lethe.stack import servers
from lethe.stack.process import LOOPBACK, answers, free_port
from lethe.stack.servers import START_SECONDS
from tests.docker.dockerfile import ROOT

PASSWORD = "made-for-a-test"


@pytest.fixture
def port(compose: dict[str, Any], tmp_path: Path) -> Iterator[int]:
    port, memory, data = free_port(), tmp_path / "memory", tmp_path / "data"
    memory.mkdir()
    data.mkdir()
    settings = tmp_path / "redis.conf"
    text = (ROOT / "docker" / "redis.conf").read_text().replace("/run/redis", str(memory))
    text = text.replace("dir /data", f"dir {data}").replace("port 6379", f"port {port}")
    settings.write_text(text)
    service = compose["services"]["redis"]
    (script,) = service["command"]
    script = script.replace("$$", "$").replace("/run/redis", str(memory))
    script = script.replace("/etc/redis/redis.conf", str(settings))
    script = script.replace("exec redis-server", f"exec {servers._redis_binary()}")
    environment = {"PATH": os.environ["PATH"], "REDISCLI_AUTH": PASSWORD}
    process = subprocess.Popen(
        [*service["entrypoint"], script], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + START_SECONDS
        while not answers(port):
            assert process.poll() is None, "it ended at once"
            assert time.monotonic() < end, "it does not answer"
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def test_redis_keeps_what_it_takes_and_drops_nothing(port: int) -> None:
    redis = Redis(LOOPBACK, port, password=PASSWORD, decode_responses=True)
    wanted = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
    assert {name: redis.config_get(name)[name] for name in wanted} == wanted
    assert 0 < int(redis.config_get("maxmemory")["maxmemory"]) < 2**30  # the container's limit


def test_nobody_gets_in_without_the_password(port: int) -> None:
    with pytest.raises(AuthenticationError):
        Redis(LOOPBACK, port, retry=Retry(NoBackoff(), 0)).ping()


def test_the_password_is_in_no_argument_and_in_no_file_that_others_read(
    port: int, tmp_path: Path
) -> None:
    Redis(LOOPBACK, port, password=PASSWORD).ping()
    kept = tmp_path / "memory" / "password.conf"
    assert kept.stat().st_mode & 0o077 == 0
    assert PASSWORD in kept.read_text()
    ps = shutil.which("ps")
    if ps is not None:
        listed = subprocess.run([ps, "axo", "args"], capture_output=True, text=True, check=True)
        assert PASSWORD not in listed.stdout
