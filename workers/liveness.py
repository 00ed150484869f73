"""Workers say that they are alive, and whether they work: a key each in Redis that runs out."""

from __future__ import annotations

import threading
from typing import Any

from celery.signals import task_postrun, task_prerun, worker_ready, worker_shutting_down
from redis import Redis
from redis.exceptions import RedisError

from storage import keys
from storage.condition import GONE_SECONDS
from storage.settings import settings

BEAT_SECONDS = GONE_SECONDS / 3
BUSY, FREE = "1", "0"

_stopping = threading.Event()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _begin(sender: Any, **_: Any) -> None:
    """In the worker's main process, which lives on when a task's child is killed."""
    threading.Thread(target=_beat, args=[sender.hostname], daemon=True).start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _end(**_: Any) -> None:
    _stopping.set()


@task_prerun.connect  # type: ignore[untyped-decorator]
def _busy(task: Any, **_: Any) -> None:
    _say(_redis(), task.request.hostname, BUSY)


@task_postrun.connect  # type: ignore[untyped-decorator]
def _free(task: Any, **_: Any) -> None:
    _say(_redis(), task.request.hostname, FREE)


def _beat(name: str) -> None:
    redis = _redis()
    _say(redis, name, FREE)
    while not _stopping.wait(BEAT_SECONDS):
        try:
            if not redis.expire(keys.worker(name), GONE_SECONDS):
                redis.set(keys.worker(name), FREE, ex=GONE_SECONDS)
        except RedisError:
            continue  # the key runs out, and that is the truth while Redis cannot be reached


def _say(redis: Redis, name: str, value: str) -> None:
    try:
        redis.set(keys.worker(name), value, ex=GONE_SECONDS)
    except RedisError:
        return  # a task must not fail because nobody can watch it


def _redis() -> Redis:
    return Redis.from_url(settings().redis_url, socket_timeout=5, socket_connect_timeout=5)
