"""The queue: Celery on Redis, and the settings that every process must share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from storage.record import REDIS_SECONDS, QueueUnavailable
from storage.settings import Settings

log = structlog.get_logger("storage.queue")

CPU, GPU = "cpu", "gpu"  # the queues
PREPARE, ERASE, SWEEP = "lethe.prepare", "lethe.erase", "lethe.sweep"  # the tasks
IMPORT = "lethe.import_model"
LOOK = "lethe.look"
LOOK_SECONDS = 60  # a look that no worker took for so long is asked for anew, if at all
# A sender gives a Redis that hangs up after twice REDIS_SECONDS. Workers have none of this: they
# wait for tasks, and Celery connects again as often as it takes.
_SENDING = {
    "socket_timeout": REDIS_SECONDS,
    "socket_connect_timeout": REDIS_SECONDS,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}
_ROUTES = {
    PREPARE: {"queue": CPU},
    ERASE: {"queue": GPU},
    SWEEP: {"queue": CPU},
    IMPORT: {"queue": CPU},
    LOOK: {"queue": CPU},
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
            with self._errors():
                self._app.send_task(task, args=[argument], retry=False, expires=expires)
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
