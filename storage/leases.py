"""Leases in Redis with a heartbeat and a fencing token.

A lease says who may work on something now; the token says whose work counts. A holder that
slept past its lease still has its old token, and every write that matters checks the token.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.exceptions import RedisError

from storage import keys
from storage.errors import LetheError

# KEYS: lease, fence. ARGV: owner, ttl in ms. Returns the token, or 0 when somebody holds it.
# The clock, in microseconds, keeps tokens rising even over a Redis that lost its data. No lease has
# longer than it was given but where the clock stepped back: a dead holder's would last for hours.
_ACQUIRE = """
if redis.call('exists', KEYS[1]) == 1 then
  if redis.call('pttl', KEYS[1]) > tonumber(ARGV[2]) then
    redis.call('pexpire', KEYS[1], ARGV[2])
  end
  return 0
end
local now = redis.call('time')
local token = math.max(now[1] * 1000000 + now[2],
                       tonumber(redis.call('get', KEYS[2]) or '0') + 1)
redis.call('set', KEYS[2], string.format('%.0f', token))
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
return token
"""
# KEYS: lease. ARGV: owner, ttl in ms. Returns 1 when it was still ours.
_RENEW = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('pexpire', KEYS[1], ARGV[2])
"""
# KEYS: lease. ARGV: ttl in ms. Returns 1 when somebody holds it.
_HELD = """
local left = redis.call('pttl', KEYS[1])
if left > tonumber(ARGV[1]) then redis.call('pexpire', KEYS[1], ARGV[1]) end
return left == -2 and 0 or 1
"""
# KEYS: lease. ARGV: owner.
_RELEASE = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('del', KEYS[1])
"""


class LeaseLost(LetheError):
    """Somebody else may hold this now; stop without writing."""


class Lease:
    """A lease that is held; ``check`` before every write that others rely on."""

    def __init__(self, redis: Redis, kind: str, name: str, seconds: float) -> None:
        self.kind, self.name, self.token = kind, name, 0
        self._redis = redis
        self._milliseconds = int(seconds * 1000)
        self._owner = secrets.token_hex(8)
        self._keys = [keys.lease(kind, name), keys.fence(kind, name)]
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def acquire(self) -> bool:
        lease, fence = self._keys
        self.token = int(
            self._redis.eval(_ACQUIRE, 2, lease, fence, self._owner, self._milliseconds)
        )
        if self.token:
            self._thread.start()
        return bool(self.token)

    def check(self) -> None:
        """
        Raises:
            LeaseLost: the lease ran out, or a newer token exists.
        """
        newest = self._redis.get(self._keys[1])
        held = self._redis.get(self._keys[0])
        if self._lost.is_set() or held != self._owner or int(newest or 0) != self.token:
            raise LeaseLost(f"the lease on {self.kind} {self.name} was lost; stopping unwritten")

    def release(self) -> None:
        self._stop.set()
        self._redis.eval(_RELEASE, 1, self._keys[0], self._owner)

    def _beat(self) -> None:
        while not self._stop.wait(self._milliseconds / 3000):
            try:
                if not self._redis.eval(_RENEW, 1, self._keys[0], self._owner, self._milliseconds):
                    self._lost.set()
                    return
            except RedisError:
                continue  # Redis may come back before the lease runs out; check() decides


class Leases:
    def __init__(self, redis: Redis, seconds: float) -> None:
        self._redis = redis
        self._seconds = seconds

    @contextmanager
    def hold(self, kind: str, name: str) -> Iterator[Lease | None]:
        """The lease, or None when somebody else holds it."""
        lease = Lease(self._redis, kind, name, self._seconds)
        if not lease.acquire():
            yield None
            return
        try:
            yield lease
        finally:
            lease.release()

    def held(self, kind: str, name: str) -> bool:
        return bool(self._redis.eval(_HELD, 1, keys.lease(kind, name), int(self._seconds * 1000)))
