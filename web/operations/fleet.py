"""Workers and queues, as the desk and the metrics see them."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis

from storage import keys
from storage.condition import GONE_SECONDS
from storage.queue import CPU, GPU, Queue

BUSY = "1"
ASKED = 1000  # keys that Redis looks at in one answer


@dataclass(frozen=True)
class Worker:
    name: str
    busy: bool
    silent: int = 0  # seconds since it last said that it is alive


def workers(redis: Redis) -> list[Worker]:
    """Workers that are alive: each keeps its key, ``1`` while busy, from running out."""
    prefix = keys.worker("")
    found_keys = redis.scan_iter(f"{prefix}*", count=ASKED)
    names = sorted(str(key).removeprefix(prefix) for key in found_keys)
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.get(keys.worker(name))
        pipe.ttl(keys.worker(name))
    found = pipe.execute()
    return [
        Worker(name, value == BUSY, max(GONE_SECONDS - int(left), 0))
        for name, value, left in zip(names, found[::2], found[1::2], strict=True)
        if value is not None
    ]


def queue_lengths(queue: Queue) -> dict[str, int]:
    """Tasks that wait in each queue."""
    return {name: queue.length(name) for name in (CPU, GPU)}
