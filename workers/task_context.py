"""What every line and span of a task is about: the task, then its ticket, model and stage."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import structlog
from celery.signals import task_postrun, task_prerun
from structlog.contextvars import bind_contextvars, clear_contextvars, unbind_contextvars

from storage import queue
from storage.record import Record
from storage.traces import tracing
from workers.metrics import timed

log = structlog.get_logger("workers.stages")

# What a task's first argument is.
ARGUMENTS = {
    queue.PREPARE: "ticket",
    queue.ERASE: "model",
    queue.LOOK: "ticket",
    queue.IMPORT: "imports",
    queue.SHARD: "model",
}
_spans = ExitStack()  # of the task that is under way: a worker's child has one at a time


@task_prerun.connect  # type: ignore[untyped-decorator]
def _begin(task: Any, task_id: str, args: Sequence[object], **_: Any) -> None:
    clear_contextvars()
    about = _about(task.name, args)
    bind_contextvars(task=task.name, task_id=task_id, **about)
    # What the clock asks for is nobody's story.
    if sender := getattr(task.request, queue.SENDER, None):
        given = {"lethe.task": task.name, **_spanned(about)}
        _spans.enter_context(tracing.span(task.name, given, parent=sender))


@task_postrun.connect  # type: ignore[untyped-decorator]
def _end(**_: Any) -> None:
    _spans.close()
    clear_contextvars()


def of_line(record: logging.LogRecord) -> Mapping[str, object]:
    """What a line of Celery's is about; in the worker's main process, too, where no task runs."""
    told = getattr(record, "data", None)
    if not isinstance(told, dict) or "name" not in told:
        return {}
    try:
        args = ast.literal_eval(told.get("args") or "()")
    except (SyntaxError, ValueError):  # Celery cuts long ones short
        args = ()
    return {"task": told["name"], "task_id": told.get("id"), **_about(told["name"], args)}


def _about(task: str, args: object) -> dict[str, str]:
    if task not in ARGUMENTS or not isinstance(args, list | tuple) or not args:
        return {}
    return {ARGUMENTS[task]: str(args[0])}


@contextmanager
def run_of(record: Record, model: str, tickets: Sequence[str]) -> Iterator[None]:
    """A run of the erasure. That of one ticket belongs to the ticket's own trace; that of several
    is a trace of its own, linked with each of theirs."""
    about = {"model": model, **_who(tickets)}
    _bind({**about, "stage": "queued"})
    given = _spanned(about)
    with ExitStack() as spans:
        if len(tickets) == 1:
            own = tracing.ticket_span(record.redis, tickets[0], "erasure", given)
            spans.enter_context(own)
        else:
            links = [tracing.here(), *(tracing.origin(record.redis, each) for each in tickets)]
            spans.enter_context(tracing.span("erasure", given, parent="", links=links))
        yield


@contextmanager
def stage(
    record: Record, model: str, tickets: Sequence[str], version: int | None, name: str
) -> Iterator[None]:
    """A stage of a ticket or of a run, measured, traced and told. Its name stays bound after an
    error: the line that says what failed says where.

    Args:
        version: the one that is worked on; of preparation there is none.
    """
    about = {"model": model, **_who(tickets), "stage": name}
    about |= {} if version is None else {"version": version}
    _bind(about)
    given = _spanned(about)
    with ExitStack() as spans:
        if len(tickets) == 1:
            spans.enter_context(tracing.ticket_span(record.redis, tickets[0], name, given))
        else:
            spans.enter_context(tracing.span(name, given))
            for ticket in tickets:
                own = tracing.ticket_span(record.redis, ticket, name, given, active=False)
                spans.enter_context(own)
        spans.enter_context(timed(name, tickets[0]))
        log.info("stage began")
        yield
        log.info("stage ended")


@contextmanager
def certificate_of(record: Record, ticket: str, model: str, version: int) -> Iterator[None]:
    """The last step of one ticket, by the version that forgot its subject."""
    about = {"model": model, "ticket": ticket, "stage": "publishing", "version": version}
    _bind(about)
    with tracing.ticket_span(record.redis, ticket, "certificate", _spanned(about)):
        yield
        log.info("completed")


def _who(tickets: Sequence[str]) -> dict[str, Any]:
    return {"ticket": tickets[0]} if len(tickets) == 1 else {"tickets": list(tickets)}


def _bind(about: Mapping[str, object]) -> None:
    unbind_contextvars("ticket", "tickets", "model", "version", "stage")
    bind_contextvars(**about)


def _spanned(about: Mapping[str, Any]) -> dict[str, Any]:
    return {f"lethe.{name}": value for name, value in about.items()}
