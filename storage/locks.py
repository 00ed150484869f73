"""A lock in Redis that its holder keeps while the store takes its time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis.exceptions import RedisError
from redis.lock import Lock


@contextmanager
def held(redis: Redis, key: str, seconds: float) -> Iterator[Lock]:
    """Waits for the lock and holds it; ``seconds`` after its holder was killed it is free.

    It is not a fence: ask ``owned()`` right before what must not be done without it.

    Raises:
        QueueUnavailable
    """
    lock = redis.lock(
        key,
        timeout=seconds,
        thread_local=False,  # another thread keeps it
        raise_on_release_error=False,  # the work is done: a Redis that forgot fails nothing
    )
    done = threading.Event()

    def keep() -> None:
        while not done.wait(seconds / 3):
            with suppress(RedisError):  # of somebody else's by now, too: who writes looks
                lock.reacquire()

    with lock:
        threading.Thread(target=keep, daemon=True).start()
        try:
            yield lock
        finally:
            done.set()
