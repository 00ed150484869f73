"""Workers say that they are alive, for which queues, and whether they work."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from celery.signals import task_postrun, task_prerun, worker_ready, worker_shutdown
from celery.worker.state import reserved_requests
from redis import Redis
from redis.exceptions import RedisError

from storage import presence
from storage.presence import GONE_SECONDS
from storage.settings import settings

BEAT_SECONDS = GONE_SECONDS / 3

_stopping = threading.Event()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _begin(sender: Any, **_: Any) -> None:
    """In the worker's main process, which lives on when a task's child is killed."""
    queues = list(sender.app.amqp.queues.consume_from)
    threading.Thread(target=_beat, args=[sender.hostname, queues], daemon=True).start()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _end(sender: Any, **_: Any) -> None:
    _stopping.set()
    with suppress(RedisError):  # then it is missed for an hour
        presence.goodbye(_redis(), sender.hostname)


@task_prerun.connect  # type: ignore[untyped-decorator]
def _busy(task: Any, **_: Any) -> None:
    _say(task.request.hostname, busy=True)


@task_postrun.connect  # type: ignore[untyped-decorator]
def _free(task: Any, **_: Any) -> None:
    _say(task.request.hostname, busy=False)


def _beat(name: str, queues: Sequence[str]) -> None:
    redis = _redis()
    with suppress(RedisError):
        presence.forget_missed(redis)
    while True:
        # The key runs out where Redis cannot be reached, and that is the truth meanwhile. A child
        # that was killed never says that it is free.
        with suppress(RedisError):
            presence.say(redis, name, queues, holds=bool(reserved_requests))
        if _stopping.wait(BEAT_SECONDS):
            return


def _say(name: str, *, busy: bool) -> None:
    with suppress(RedisError):  # a task must not fail because nobody can watch it
        presence.say_busy(_redis(), name, busy=busy)


def _redis() -> Redis:
    url, seconds = settings().redis_url, 5
    return Redis.from_url(
        url, socket_timeout=seconds, socket_connect_timeout=seconds, decode_responses=True
    )
