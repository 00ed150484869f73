"""Events that the webhook's receiver has not been told of yet: their names, in Redis.

A name is put here before its event is put into the record. So a process that dies at any line
leaves no event untold; a name whose event never came into the record is dropped after some looks.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import suppress

from redis import Redis
from redis.exceptions import RedisError

from storage import keys

DAY = 24 * 3600
# Bounds them where nobody sends, or a receiver is long dead. Above the longest delay.
KEPT_SECONDS = 7 * DAY
JITTER = 0.2  # of a delay, so that what failed together is not tried together


class Announcements:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def add(self, event: str) -> None:
        """Raises nothing where Redis fails: no ticket waits for the telling."""
        now = time.time()
        pipe = self._redis.pipeline(transaction=True)
        pipe.zremrangebyscore(keys.ANNOUNCEMENTS, "-inf", now - KEPT_SECONDS)
        pipe.zadd(keys.ANNOUNCEMENTS, {event: now})
        with suppress(RedisError):
            pipe.execute()

    def next(self) -> str | None:
        """The name that has been due for longest. It stays until ``done``."""
        found = self._redis.zrangebyscore(keys.ANNOUNCEMENTS, "-inf", time.time(), start=0, num=1)
        return str(found[0]) if found else None

    def done(self, event: str) -> None:
        pipe = self._redis.pipeline(transaction=True)
        pipe.zrem(keys.ANNOUNCEMENTS, event)
        pipe.delete(keys.announcement_failures(event))
        pipe.execute()

    def put_off(self, event: str, delays: Sequence[float]) -> bool:
        """Due again after the next of ``delays`` (seconds); False where all are used up, and it
        was dropped."""
        key = keys.announcement_failures(event)
        pipe = self._redis.pipeline(transaction=True)
        pipe.incr(key)
        pipe.expire(key, KEPT_SECONDS)
        failures = int(pipe.execute()[0])
        if failures > len(delays):
            self.done(event)
            return False
        delay = delays[failures - 1] * random.uniform(1, 1 + JITTER)
        self._redis.zadd(keys.ANNOUNCEMENTS, {event: time.time() + delay}, xx=True)
        return True
