"""The tasks ``shard`` and ``sharded``: a chord's members, and what comes after the last of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from celery.exceptions import Reject

from storage import keys, object_names, queue
from storage.errors import LetheError
from storage.leases import LeaseLost
from storage.record import Record
from workers import stopping
from workers.app import app, record
from workers.shards import arrays, networks
from workers.shards.job import Job
from workers.shards.work import work
from workers.stopping import Stopping

log = structlog.get_logger()

RETRIES = 3  # of one shard; whoever has the run does it after that, and says what is wrong
DONE_SECONDS = 3600  # that a run may take to hear of it
IDLE_SECONDS = 60.0  # then a worker that gets no more shards lets go of what they needed

_idle = threading.Timer(IDLE_SECONDS, lambda: None)


class Unwanted(Exception):
    """The run has ended, or somebody was faster."""


class ShardFailed(LetheError):
    """Named by the error's class alone: Celery keeps its text in Redis."""


@app.task(name=queue.SHARD, bind=True, ignore_result=False, max_retries=RETRIES)  # type: ignore[untyped-decorator]
def shard(self: Any, model: str, job: str, number: int) -> str:
    """The name of the object that holds the result."""
    failed: str | None = None
    _idle.cancel()
    try:
        _work(record(), model, job, number)
    except Stopping:  # back into the queue, for another worker
        log.info("stopped", reason="Stopping", model=model, job=job, shard=number)
        raise Reject("the worker ends", requeue=True) from None
    except (LeaseLost, Unwanted) as error:
        log.info("stopped", reason=type(error).__name__, model=model, job=job, shard=number)
    except Exception as error:  # where a task meets Celery
        failed = type(error).__name__
    finally:
        _let_go_when_idle()
    if failed:
        log.warning("shard failed", error=failed, model=model, job=job, shard=number)
        raise self.retry(exc=ShardFailed(failed), countdown=0)
    return object_names.shard_part(model, job, number)


@app.task(name=queue.SHARDED)  # type: ignore[untyped-decorator]
def sharded(parts: Sequence[str], model: str, job: str) -> None:
    """Celery has counted all: whoever has the run looks at once, not at the next look."""
    record().redis.set(keys.shards_done(job), len(parts), ex=DONE_SECONDS)
    log.info("sharded", model=model, job=job, shards=len(parts))


def _work(kept: Record, model: str, job: str, number: int) -> None:
    found = Job.read(kept.objects, model, job)
    if found is not None:  # else its run has ended
        work(kept, found, number, partial(_go_on, kept, found, number))


def _let_go_when_idle() -> None:
    """A network, on its GPU, and a gallery of benchmark people outlive their run by so much."""
    global _idle
    _idle = threading.Timer(IDLE_SECONDS, forget)
    _idle.daemon = True
    _idle.start()


def forget() -> None:
    networks.forget_all()
    arrays.forget_all()


def _go_on(kept: Record, job: Job, number: int) -> None:
    """
    Raises:
        Stopping, Unwanted
    """
    stopping.check()
    if kept.objects.exists(job.part(number)) or not kept.objects.exists(
        object_names.shard_job(job.model, job.id)
    ):
        raise Unwanted
