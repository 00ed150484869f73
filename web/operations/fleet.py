"""Workers and queues, as the desk and the metrics see them."""

from __future__ import annotations

from redis import Redis

from storage import presence
from storage.presence import Worker
from storage.queue import CPU, GPU, Queue

__all__ = ["Worker", "queue_lengths", "workers"]


def workers(redis: Redis) -> list[Worker]:
    """Workers that are alive."""
    return [worker for worker in presence.known(redis) if worker.alive]


def queue_lengths(queue: Queue) -> dict[str, int]:
    """Tasks that wait in each queue."""
    return {name: queue.length(name) for name in (CPU, GPU)}
