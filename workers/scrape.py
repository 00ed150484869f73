"""Each worker tells Prometheus what its processes counted, at ``LETHE_METRICS_PORT``."""

from __future__ import annotations

from typing import Any

import structlog
from celery.signals import worker_process_init, worker_ready

from storage.counted import serve
from storage.settings import settings
from workers.metrics import forget_dead

log = structlog.get_logger()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _serve(**_: Any) -> None:
    """In the worker's main process, whatever becomes of its children."""
    folder, port = settings().metrics_dir, settings().metrics_port
    if folder is None or port is None:
        return
    try:
        serve(folder, port)
    except OSError as error:  # a ticket can do without
        log.error("metrics are not served", port=port, error=error.strerror)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _forget_dead(**_: Any) -> None:
    """A child comes where one was killed."""
    if (folder := settings().metrics_dir) is not None:
        forget_dead(folder)
