"""Idempotency keys: what is sent again under the same key is done once.

draft-ietf-httpapi-idempotency-key-header. The ticket's id is chosen before anything is written and
stands under the key, so that a process may die at any line: the next one submits the same ticket.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from storage import keys, names
from storage.canonical import sha256
from storage.errors import BadInput, LetheError

# KEYS: what stands under the key, who is at it. ARGV: an attempt as JSON, its fingerprint, for how
# many seconds it is kept and may run. Returns what stands there now, '1' where nothing did before,
# '1' where it is to be done by us. At once: nobody has begun what is both new and ours.
_BEGIN = """
local new = redis.call('set', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[3])
local kept = redis.call('get', KEYS[1])
local found = cjson.decode(kept)
local open = not found.done and found.fingerprint == ARGV[2]
local ours = open and redis.call('set', KEYS[2], 1, 'NX', 'EX', ARGV[4])
return {kept, new and '1' or '', ours and '1' or ''}
"""
KEPT_SECONDS = 24 * 3600
RUN_SECONDS = 120  # then whoever ran is taken for dead; that both run does no harm


class KeyReused(BadInput):
    """The key came before, with something else."""


class StillRunning(LetheError):
    """What came first under the key is not done yet."""


@dataclass(frozen=True)
class _Kept:
    """What stands under a key."""

    fingerprint: str  # SHA-256 of what was sent
    ticket: str
    done: bool = False


@dataclass(frozen=True)
class Attempt:
    ticket: str
    done: bool = False
    alone_until: float = 0.0  # by the monotonic clock; 0.0 where somebody began before

    def is_first(self) -> bool:
        """Whether nobody else can have begun: nobody has seen the ticket's id."""
        return time.monotonic() < self.alone_until


class Idempotency:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @contextmanager
    def attempt(self, user: str, key: str, fingerprint: str) -> Iterator[Attempt]:
        """What is to be done under the key, or was. A refusal on the way frees the key.

        Raises:
            KeyReused, StillRunning
            QueueUnavailable: without Redis nobody knows whether it came before.
        """
        digest = sha256(f"{names.user_name(user)}\n{key}".encode())
        place, running = keys.idempotency(digest), keys.idempotency_running(digest)
        ends = time.monotonic() + RUN_SECONDS
        kept, is_new, is_ours = self._begin(place, running, fingerprint)
        if kept.done:
            yield Attempt(kept.ticket, done=True)
            return
        if not is_ours:
            raise StillRunning("the same request is still being worked on; ask again in a moment")
        try:
            yield Attempt(kept.ticket, alone_until=ends if is_new else 0.0)
        except BadInput:  # nothing was kept: the key is free for what is right
            self._redis.delete(place)
            raise
        else:
            done = json.dumps(asdict(replace(kept, done=True)))
            with suppress(RedisError):  # it is done all the same; done again, it gives the same
                self._redis.set(place, done, xx=True, keepttl=True)
        finally:
            with suppress(RedisError):
                self._redis.delete(running)

    def _begin(self, place: str, running: str, fingerprint: str) -> tuple[_Kept, bool, bool]:
        """What stands under the key, whether that is new, and whether it is ours to do.

        Raises:
            KeyReused
        """
        mine = json.dumps(asdict(_Kept(fingerprint, names.new_ticket_id())))
        answer: list[Any] = self._redis.eval(
            _BEGIN, 2, place, running, mine, fingerprint, KEPT_SECONDS, RUN_SECONDS
        )
        kept = _Kept(**json.loads(str(answer[0])))
        if kept.fingerprint != fingerprint:
            raise KeyReused(
                "this idempotency key came before with another request; choose a new one"
            )
        return kept, bool(answer[1]), bool(answer[2])
