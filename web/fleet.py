"""Workers and queues, as the desk and the metrics see them."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis

from storage import keys
from storage.queue import CPU, GPU, Queue

BUSY = "1"
ASKED = 1000  # keys that Redis looks at in one answer


@dataclass(frozen=True)
class Worker:
    name: str
    busy: bool


def workers(redis: Redis) -> list[Worker]:
    """Workers that are alive: each keeps its key, ``1`` while busy, from running out."""
    prefix = keys.worker("")
    found_keys = redis.scan_iter(f"{prefix}*", count=ASKED)
    names = sorted(str(key).removeprefix(prefix) for key in found_keys)
    found = redis.mget([keys.worker(name) for name in names]) if names else []
    return [
        Worker(name, value == BUSY)
        for name, value in zip(names, found, strict=True)
        if value is not None
    ]


def queue_lengths(queue: Queue) -> dict[str, int]:
    """Tasks that wait in each queue."""
    return {name: queue.length(name) for name in (CPU, GPU)}
