"""``/metrics``: gauges read from the record at each scrape, and what the workers count."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from storage import keys
from storage.models import lines
from storage.models.lines import Line
from storage.record import Record
from storage.tickets import retention
from storage.tickets.states import State
from web.operations import fleet
from web.services import Services, services

DEADLINES = 1000  # the earliest of all open tickets: a scrape costs no more with more of them

pages = Blueprint("metrics", __name__)


@pages.get("/metrics")
def scrape() -> Response:
    registry = CollectorRegistry()
    registry.register(RecordCollector(services()))
    folder = services().record.settings.metrics_dir
    if folder is not None and Path(folder).is_dir():
        MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class RecordCollector(Collector):
    """What the record and Redis say now. Tickets go by id; a subject's reference never shows."""

    def __init__(self, given: Services) -> None:
        self._record = given.record
        self._queue = given.queue

    def describe(self) -> list[Metric]:
        return []  # registering must not read the record

    def collect(self) -> Iterator[Metric]:
        models = sorted(self._record.models.registered())
        found = lines.of(self._record, models, lines.AT_ONCE)
        yield _tickets(self._record)
        yield _deadlines(self._record)
        yield GaugeMetricFamily(
            "lethe_photos_overdue",
            "Ended tickets whose photos are still there, beyond the time that is set.",
            retention.overdue(self._record),
        )
        yield _versions(found)
        yield from _figures(found)
        yield _verdicts(self._record, models)
        depth = GaugeMetricFamily(
            "lethe_queue_depth", "Tasks waiting in a queue.", labels=["queue"]
        )
        for queue, length in fleet.queue_lengths(self._queue).items():
            depth.add_metric([queue], length)
        yield depth
        busy = GaugeMetricFamily(
            "lethe_worker_busy", "1 while a worker works on a task, else 0.", labels=["worker"]
        )
        for worker in fleet.workers(self._record.redis):
            busy.add_metric([worker.name], float(worker.busy))
        yield busy


def _tickets(record: Record) -> Metric:
    """Every state of each model that lists show a ticket of, so that a count falls to 0."""
    family = GaugeMetricFamily("lethe_tickets", "Tickets in each state.", labels=["model", "state"])
    counts = record.tickets.counts()
    for model in sorted({model for model, _ in counts}):
        for state in State:
            family.add_metric([model, state], counts[model, state])
    return family


def _deadlines(record: Record) -> Metric:
    family = GaugeMetricFamily(
        "lethe_ticket_deadline_seconds",
        f"Seconds until an open ticket's deadline, of the {DEADLINES} earliest; below zero when it "
        "has passed.",
        labels=["model", "ticket"],
    )
    now = time.time()
    found: list[Any] = record.redis.zrange(keys.DEADLINES, 0, DEADLINES - 1, withscores=True)
    tickets = record.tickets.index.tickets(str(id_) for id_, _ in found)
    for ticket, (_, end) in zip(tickets, found, strict=True):
        if ticket is not None:  # it went between the two questions
            family.add_metric([ticket.model, ticket.id], round(float(end) - now))
    return family


def _versions(found: Mapping[str, Line]) -> Metric:
    family = GaugeMetricFamily(
        "lethe_model_version", "The version that an alias points at.", labels=["model", "alias"]
    )
    for model, line in found.items():
        for alias, number in line.aliases.items():
            family.add_metric([model, alias], number)
    return family


def _figures(found: Mapping[str, Line]) -> Iterator[Metric]:
    """Figures of each model's last erasure: ``forget_tmr:0.001`` and their like."""
    forget = GaugeMetricFamily(
        "lethe_forget_tmr", "TMR of the subjects' held-out photos.", labels=["model", "fmr"]
    )
    retained = GaugeMetricFamily(
        "lethe_retained_tmr", "TMR of the benchmark people.", labels=["model", "fmr"]
    )
    cross = GaugeMetricFamily(
        "lethe_cross_version_tmr",
        "TMR of the subjects' old templates against held-out probes of the new version.",
        labels=["model"],
    )
    by_fmr = {"forget_tmr": forget, "retained_tmr": retained}
    for model, line in found.items():
        for figure, value in line.figures.items():
            name, _, fmr = figure.partition(":")
            if name in by_fmr:
                by_fmr[name].add_metric([model, fmr], value)
            elif name == "cross_version_tmr":
                cross.add_metric([model], value)
    yield from (forget, retained, cross)


def _verdicts(record: Record, models: Sequence[str]) -> Metric:
    family = CounterMetricFamily(
        "lethe_verdicts", "Verdicts of certification.", labels=["model", "verdict"]
    )
    pipe = record.redis.pipeline(transaction=False)
    for model in models:
        pipe.hgetall(keys.verdicts(model))
    for model, found in zip(models, pipe.execute(), strict=True):
        for verdict, count in found.items():
            family.add_metric([model, str(verdict)], float(count))
    return family
