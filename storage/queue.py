"""The queue: Celery on Redis, and the settings that every process must share."""

from __future__ import annotations

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from storage.settings import Settings

CPU, GPU = "cpu", "gpu"  # the queues
PREPARE, ERASE, SWEEP = "lethe.prepare", "lethe.erase", "lethe.sweep"  # the tasks
_ROUTES = {PREPARE: {"queue": CPU}, ERASE: {"queue": GPU}, SWEEP: {"queue": CPU}}


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

    def prepare(self, ticket: str) -> bool:
        return self._send(PREPARE, ticket)

    def erase(self, model: str) -> bool:
        return self._send(ERASE, model)

    def length(self, queue: str) -> int:
        """Tasks waiting in a queue."""
        with self._app.connection_for_read() as connection:
            return int(connection.default_channel.client.llen(queue))

    def _send(self, task: str, argument: str) -> bool:
        """False when the broker does not answer: the record has the ticket, the sweep sends it."""
        try:
            self._app.send_task(task, args=[argument], retry=False)
        except (OperationalError, RedisError):
            return False
        return True
