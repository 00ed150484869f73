"""``/metrics``: gauges read from the record at each scrape, and what the workers count."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from storage import keys
from storage.record import Record
from storage.states import State
from web import fleet
from web.home import open_tickets
from web.services import Services, services

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
        models = [model.name for model in self._record.models.all()]
        yield from _tickets(self._record, models)
        yield _versions(self._record, models)
        yield from _figures(self._record, models)
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


def _tickets(record: Record, models: list[str]) -> Iterator[Metric]:
    counts = GaugeMetricFamily("lethe_tickets", "Tickets in each state.", labels=["model", "state"])
    for model in models:
        for state in State:
            counts.add_metric([model, state], record.tickets.count(model, state))
    yield counts
    left = GaugeMetricFamily(
        "lethe_ticket_deadline_seconds",
        "Seconds until an open ticket's deadline; below zero when it has passed.",
        labels=["model", "ticket"],
    )
    now = datetime.now(UTC)
    for ticket in open_tickets(record, record.models.all()):
        end = datetime.combine(date.fromisoformat(ticket.deadline), time(), UTC) + timedelta(days=1)
        left.add_metric([ticket.model, ticket.id], round((end - now).total_seconds()))
    yield left


def _versions(record: Record, models: list[str]) -> Metric:
    family = GaugeMetricFamily(
        "lethe_model_version", "The version that an alias points at.", labels=["model", "alias"]
    )
    for model in models:
        for alias, number in record.models.aliases(model).items():
            family.add_metric([model, alias], number)
    return family


def _figures(record: Record, models: list[str]) -> Iterator[Metric]:
    """Figures of each model's last erasure: fields ``forget_tmr:0.001`` and their like."""
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
    for model in models:
        for field, value in record.redis.hgetall(keys.figures(model)).items():
            name, _, fmr = str(field).partition(":")
            if name in by_fmr:
                by_fmr[name].add_metric([model, fmr], float(value))
            elif name == "cross_version_tmr":
                cross.add_metric([model], float(value))
    yield from (forget, retained, cross)


def _verdicts(record: Record, models: list[str]) -> Metric:
    family = CounterMetricFamily(
        "lethe_verdicts", "Verdicts of certification.", labels=["model", "verdict"]
    )
    for model in models:
        for verdict, count in record.redis.hgetall(keys.verdicts(model)).items():
            family.add_metric([model, str(verdict)], float(count))
    return family
