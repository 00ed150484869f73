"""The queue: Celery on Redis, and the settings that every process must share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from urllib.parse import urlsplit

import structlog
from celery import Celery, chord
from celery.result import GroupResult
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from storage.record import REDIS_SECONDS, QueueUnavailable
from storage.settings import Settings
from storage.traces import tracing

log = structlog.get_logger("storage.queue")

CPU, GPU = "cpu", "gpu"  # the queues
PREPARE, ERASE, SWEEP = "lethe.prepare", "lethe.erase", "lethe.sweep"  # the tasks
IMPORT = "lethe.import_model"
SENDER = "lethe_sender"  # a message's header: the traceparent of who asked, where traces are on
LOOK = "lethe.look"
SHARD, SHARDED = "lethe.shard", "lethe.sharded"
LOOK_SECONDS = 60  # a look that no worker took for so long is asked for anew, if at all
# A sender gives a Redis that hangs up after twice REDIS_SECONDS. Workers have none of this: they
# wait for tasks, and Celery connects again as often as it takes.
_RETRIES = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}
_SENDING = {
    "socket_timeout": REDIS_SECONDS,
    "socket_connect_timeout": REDIS_SECONDS,
    **_RETRIES,
}
_ROUTES = {
    PREPARE: {"queue": CPU},
    ERASE: {"queue": GPU},
    SWEEP: {"queue": CPU},
    IMPORT: {"queue": CPU},
    LOOK: {"queue": CPU},
    SHARD: {"queue": GPU},
    SHARDED: {"queue": GPU},
}


def make_app(settings: Settings) -> Celery:
    """A Celery application; each setting answers a known way to lose or double a task."""
    app = Celery("lethe", broker=settings.redis_url)
    # The shortest visibility timeout among applications on one broker wins, so there is one.
    transport = {
        "visibility_timeout": settings.visibility_timeout,
        "socket_keepalive": True,
        "health_check_interval": 30,
    }
    app.conf.update(
        task_routes=_ROUTES,
        task_default_queue=CPU,
        task_ignore_result=True,  # a ticket's state is in the record
        task_serializer="json",
        accept_content=["json"],
        broker_transport_options=transport,
        result_backend_transport_options=transport,
        visibility_timeout=settings.visibility_timeout,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=5,
        enable_utc=True,
    )
    return app


class Queue:
    """Sends tasks by name, so that the sender needs none of the worker's imports."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._app = make_app(settings)
        self._app.conf.broker_transport_options |= _SENDING
        self._host = urlsplit(settings.redis_url).hostname  # the URL may hold a password

    def prepare(self, ticket: str) -> bool:
        return self._send(PREPARE, ticket)

    def erase(self, model: str) -> bool:
        return self._send(ERASE, model)

    def look(self, ticket: str) -> bool:
        return self._send(LOOK, ticket, expires=LOOK_SECONDS)

    def import_model(self, id_: str) -> bool:
        return self._send(IMPORT, id_)

    def shards(self, model: str, job: str, numbers: Sequence[int]) -> GroupResult | None:
        """Sends a chord: the shards of a job, then the task that is told of the last of them.

        None when the broker does not answer: whoever sends them can do them, too. The results are
        names of objects; ``forget`` them.
        """
        members = [
            self._chords.signature(SHARD, args=[model, job, number], app=self._chords)
            for number in numbers
        ]
        last = self._chords.signature(SHARDED, args=[model, job], app=self._chords)
        try:
            with self._errors():
                whole = chord(members, last, app=self._chords).apply_async(retry=False)
        except QueueUnavailable as error:
            log.warning("shards not sent; done here", model=model, why=str(error))
            return None
        parent: GroupResult = whole.parent
        return parent

    @cached_property
    def _chords(self) -> Celery:
        """The one sender with a place for results: Celery counts a chord's members in it."""
        app = make_app(self._settings)
        app.conf.broker_transport_options |= _SENDING
        app.conf.update(
            result_backend=self._settings.redis_url,
            result_backend_transport_options={"retry_policy": _RETRIES},
            redis_socket_timeout=REDIS_SECONDS,
            redis_socket_connect_timeout=REDIS_SECONDS,
        )
        return app

    def length(self, queue: str) -> int:
        """Tasks waiting in a queue.

        Raises:
            QueueUnavailable
        """
        with self._errors(), self._app.connection_for_read() as connection:
            return int(connection.default_channel.client.llen(queue))

    def _send(self, task: str, argument: str, expires: int | None = None) -> bool:
        """False when the broker does not answer: the record has the ticket, the sweep sends it."""
        try:
            sender = tracing.here()
            with self._errors():
                self._app.send_task(
                    task,
                    args=[argument],
                    retry=False,
                    expires=expires,
                    headers={SENDER: sender} if sender else None,
                )
        except QueueUnavailable as error:
            log.warning("not sent; the sweep will", task=task, about=argument, why=str(error))
            return False
        return True

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, RedisError) as error:
            cause = error.__cause__ or error  # kombu wraps what redis said
            raise QueueUnavailable(
                f"Redis at {self._host} does not take part in the queue "
                f"({type(cause).__name__}): is it running, and neither full nor a replica?"
            ) from None
