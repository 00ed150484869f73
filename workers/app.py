"""The Celery application of the workers, with what is known to go wrong answered by settings."""

from __future__ import annotations

import os
import signal
from functools import cache
from typing import Any

from celery import Celery
from celery.signals import (
    beat_embedded_init,
    celeryd_init,
    setup_logging,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
)

from storage import queue
from storage.logs import setup
from storage.record import Record
from storage.settings import Settings, settings
from storage.tickets import webhooks
from storage.traces import tracing
from workers import (
    liveness,  # noqa: F401 - its signals
    scrape,  # noqa: F401 - its signals
    stopping,
    task_context,
)
from workers.parent import end_with_parent

_WORKER = os.getpid()  # the process that imports this; its children are forked from it
WEBHOOK_SECONDS = 5.0  # between two looks at what waits to be told
SOFT_SHUTDOWN_SECONDS = 20  # to reach the next checkpoint; the pod's grace period is above it


def _make() -> Celery:
    config = settings()
    app = queue.make_app(config)
    app.conf.update(
        include=[
            "workers.prepare",
            "workers.erase",
            "workers.import_model",
            "workers.look",
            "workers.shards.tasks",
            "workers.sweep",
            "workers.webhooks",
        ],
        task_acks_late=True,
        task_reject_on_worker_lost=True,  # a killed child's task is delivered again
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,  # a ticket never waits behind a job on a busy worker
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_soft_shutdown_timeout=SOFT_SHUTDOWN_SECONDS,
        worker_enable_soft_shutdown_on_idle=True,
        worker_hijack_root_logger=False,
        worker_pool="prefork",
        worker_concurrency=1,  # CUDA does not survive a fork: one child, torch imported there
        # A chord counts its shards in it; tasks that keep no result leave nothing there.
        result_backend=config.redis_url,
        result_serializer="json",
        beat_schedule=_clock(config),
    )
    return app


def _clock(config: Settings) -> dict[str, Any]:
    beats: dict[str, Any] = {
        queue.SWEEP: {"task": queue.SWEEP, "schedule": float(config.sweep_seconds)}
    }
    if config.webhook_url is not None:
        # A busy queue must not fill with it: one that nobody took for so long is dropped.
        beats[webhooks.TASK] = {
            "task": webhooks.TASK,
            "schedule": WEBHOOK_SECONDS,
            "options": {"expires": 12 * WEBHOOK_SECONDS},
        }
    return beats


@setup_logging.connect  # type: ignore[untyped-decorator]
def _logging(**_: Any) -> None:
    """Lines with ticket, model and stage; never a subject, a file name or a picture."""
    setup.set_up(task_context.of_line)


@celeryd_init.connect  # type: ignore[untyped-decorator]
def _before_all(instance: Any, **_: Any) -> None:
    """A banner is no line of a log. ``celery beat`` has to be told: with ``--quiet``."""
    instance.quiet = True
    _logging()  # Celery warns before it would ask for them


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _trace(**_: Any) -> None:
    """A run asks Redis at each of its steps and the store for each face: no spans of these."""
    tracing.start("lethe-worker")


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _send_traces(**_: Any) -> None:
    tracing.stop()


@beat_embedded_init.connect  # type: ignore[untyped-decorator]
@worker_process_init.connect  # type: ignore[untyped-decorator]
def _end_with_worker(**_: Any) -> None:
    """A worker that is killed leaves no clock that ticks and no child that unlearns."""
    end_with_parent(_WORKER)


@worker_ready.connect  # type: ignore[untyped-decorator]
def _stop_at_the_next_step(**_: Any) -> None:
    """However the worker is asked to end, its child hears of it at once."""
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
        stopping.hear(number)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _warm(**_: Any) -> None:
    # In the child, before the first ticket comes: importing takes seconds.
    import onnxruntime  # noqa: F401
    import torch  # noqa: F401


@cache
def record() -> Record:
    """The process's connection to everything that is kept."""
    return Record.open()


@cache
def outbox() -> queue.Queue:
    return queue.Queue(settings())


app = _make()
