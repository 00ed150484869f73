#!/usr/bin/env python
"""Whether the process in this container is alive: `lethe-probe web|worker QUEUE|beat`.

Exit status 0: it is; 1: it is not, and one line says why. HEALTHCHECK of the images asks.
"""

from __future__ import annotations

import socket
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

WEB = "http://127.0.0.1:8080/healthz"
SECONDS = 5  # that an answer may take
SCHEDULE = "/tmp/beat"  # noqa: S108 - a container's own
OLDEST_SCHEDULE = 600  # seconds; Celery's clock writes it every three minutes


class NotAlive(Exception):
    """The process does not do what it is there for."""


def web(address: str = WEB) -> None:
    try:
        with urllib.request.urlopen(address, timeout=SECONDS):  # noqa: S310 - our own address
            return
    except (URLError, OSError) as error:
        raise NotAlive(f"{address} does not answer: {error}") from None


def worker(queue: str) -> None:
    """A live worker renews its key (`workers/liveness.py`); without Redis nobody can tell.

    Imports a second's worth, which the other two need not wait for.
    """
    from redis import Redis
    from redis.exceptions import RedisError

    from storage import keys
    from storage.settings import settings

    name = f"{queue}@{socket.gethostname()}"
    redis = Redis.from_url(
        settings().redis_url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS
    )
    try:
        if not redis.exists(keys.worker(name)):
            raise NotAlive(f"{name} has been silent for too long")
    except RedisError as error:
        raise NotAlive(f"Redis does not answer ({type(error).__name__})") from None


def beat(schedule: str = SCHEDULE) -> None:
    """The file may have an ending, or be several, as the library behind ``shelve`` likes it."""
    file = Path(schedule)
    written = [found.stat().st_mtime for found in file.parent.glob(f"{file.name}*")]
    if not written or time.time() - max(written) > OLDEST_SCHEDULE:
        raise NotAlive(f"{schedule}: the clock wrote no schedule for {OLDEST_SCHEDULE} s")


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["web", *address] if len(address) < 2:
                web(*address)
            case ["worker", queue]:
                worker(queue)
            case ["beat", *schedule] if len(schedule) < 2:
                beat(*schedule)
            case _:
                print("lethe-probe: give web, worker QUEUE, or beat", file=sys.stderr)
                return 2
    except NotAlive as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
