"""A Redis of one test's own, to be killed, filled, frozen and emptied."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from lethe.stack.process import LOOPBACK, free_port
from lethe.stack.servers import start_redis


class RedisServer:
    def __init__(self, folder: Path) -> None:
        self._folder, self._log = folder / "redis", folder / "redis.log"
        self._port, self._password = free_port(), secrets.token_hex(8)
        self.url = f"redis://:{self._password}@{LOOPBACK}:{self._port}/0"
        self.start()

    def start(self) -> None:
        """Starts with what its append-only file holds."""
        self._process = start_redis(self._folder, self._log, self._port, self._password)
        with self.asked() as redis:
            redis.ping()  # a Redis that still loads is waited for

    def kill(self) -> None:
        os.kill(self._process.popen.pid, signal.SIGKILL)
        self._process.popen.wait()

    def lose_data(self) -> None:
        shutil.rmtree(self._folder)

    def freeze(self) -> None:
        os.kill(self._process.popen.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.popen.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self._process.alive():
            self.thaw()
        self._process.stop()

    @contextmanager
    def asked(self) -> Iterator[Redis]:
        """A plain client, none of Lethe's."""
        redis = Redis.from_url(self.url, decode_responses=True)
        yield redis
        redis.close()
