"""Presence: which workers there are, for which queues, and how long each has been silent.

A worker's key in Redis, ``1`` while it is busy, runs out when nobody renews it; the register keeps
its name for an hour longer, unless it said goodbye: so one that was killed is told from one that
was asked to end.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis

from storage import keys

GONE_SECONDS = 30  # a worker silent for so long is not alive
MISSED_SECONDS = 3600  # one that is gone is missed for so long; by then another does its work
BUSY, FREE = "1", "0"


@dataclass(frozen=True)
class Worker:
    name: str
    busy: bool
    silent: int = 0  # seconds since it last said that it is alive
    queues: tuple[str, ...] = ()  # that it takes tasks from, in the order of their names
    alive: bool = True


def say(redis: Redis, name: str, queues: Sequence[str], *, holds: bool) -> None:
    """The worker is alive, and holds a task or none.

    A task is held a moment longer than its child works on it: what the child said stands then.
    """
    heard = {"queues": sorted(queues), "heard": time.time()}
    pipe = redis.pipeline(transaction=False)
    pipe.hset(keys.WORKERS, name, json.dumps(heard))
    pipe.set(keys.worker(name), BUSY if holds else FREE, ex=GONE_SECONDS, nx=holds)
    pipe.expire(keys.worker(name), GONE_SECONDS)
    pipe.execute()


def say_busy(redis: Redis, name: str, *, busy: bool) -> None:
    """What a worker's child knows sooner than the worker."""
    redis.set(keys.worker(name), BUSY if busy else FREE, ex=GONE_SECONDS)


def goodbye(redis: Redis, name: str) -> None:
    """The worker ends because it was asked to: nobody misses it."""
    pipe = redis.pipeline(transaction=False)
    pipe.hdel(keys.WORKERS, name)
    pipe.delete(keys.worker(name))
    pipe.execute()


def forget_missed(redis: Redis) -> None:
    """Takes those out of the register that were silent for MISSED_SECONDS."""
    for worker in known(redis):
        if worker.silent >= MISSED_SECONDS:
            redis.hdel(keys.WORKERS, worker.name)


def known(redis: Redis) -> list[Worker]:
    """All in the register, by name: those that are alive, and those that are missed."""
    register = sorted(redis.hgetall(keys.WORKERS).items())
    values = redis.mget([keys.worker(str(name)) for name, _ in register]) if register else []
    now, found = time.time(), []
    for (name, text), value in zip(register, values, strict=True):
        told = json.loads(str(text))
        silent = max(int(now - told["heard"]), 0)
        queues = tuple(str(queue) for queue in told["queues"])
        found.append(Worker(str(name), value == BUSY, silent, queues, value is not None))
    return found
