"""Idempotency keys: what is sent again under the same key is done once.

draft-ietf-httpapi-idempotency-key-header. The ticket's id is chosen before anything is written and
stands under the key, so that a process may die at any line: the next one submits the same ticket.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace

from redis import Redis
from redis.exceptions import RedisError

from storage import keys, names
from storage.canonical import sha256
from storage.errors import BadInput, LetheError

KEPT_SECONDS = 24 * 3600
RUN_SECONDS = 120  # then whoever ran is taken for dead; that both run does no harm


class KeyReused(BadInput):
    """The key came before, with something else."""


class StillRunning(LetheError):
    """What came first under the key is not done yet."""


@dataclass(frozen=True)
class Attempt:
    fingerprint: str  # SHA-256 of what was sent
    ticket: str
    done: bool = False


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
        found = self._begun(place, Attempt(fingerprint, names.new_ticket_id()))
        if found.done:
            yield found
            return
        if not self._redis.set(running, 1, nx=True, ex=RUN_SECONDS):
            raise StillRunning("the same request is still being worked on; ask again in a moment")
        try:
            yield found
        except BadInput:  # nothing was kept: the key is free for what is right
            self._redis.delete(place)
            raise
        else:
            done = json.dumps(asdict(replace(found, done=True)))
            with suppress(RedisError):  # it is done all the same; done again, it gives the same
                self._redis.set(place, done, xx=True, keepttl=True)
        finally:
            with suppress(RedisError):
                self._redis.delete(running)

    def _begun(self, place: str, attempt: Attempt) -> Attempt:
        self._redis.set(place, json.dumps(asdict(attempt)), nx=True, ex=KEPT_SECONDS)
        kept = self._redis.get(place)
        found = Attempt(**json.loads(str(kept))) if kept else attempt  # it ran out just now
        if found.fingerprint != attempt.fingerprint:
            raise KeyReused(
                "this idempotency key came before with another request; choose a new one"
            )
        return found
