"""``/metrics``: gauges read from the record at each scrape, and what the workers count."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, current_app, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from storage import presence
from storage.counted import Counted
from storage.models import lines
from web.operations import model_gauges, ticket_gauges, work_gauges
from web.operations.work_gauges import Verified
from web.services import Services, services

_NAME = "lethe-metrics"

pages = Blueprint("metrics", __name__)


@pages.get("/metrics")
def scrape() -> Response:
    """In the form that is asked for; exemplars show in OpenMetrics alone."""
    registry: CollectorRegistry | None = current_app.extensions.get(_NAME)
    if registry is None:
        registry = current_app.extensions[_NAME] = _registry(services())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), content_type=content_type)


def _registry(given: Services) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(RecordCollector(given))
    folder, port = given.record.settings.metrics_dir, given.record.settings.metrics_port
    if folder is not None and port is None:  # else the workers themselves tell, and twice is wrong
        registry.register(Counted(folder))
    return registry


class RecordCollector(Collector):
    """What the record and Redis say now, the same from every replica.

    Tickets go by id; a subject's reference never shows.
    """

    def __init__(self, given: Services) -> None:
        self._record = given.record
        self._queue = given.queue
        self._verified = Verified(given.record)

    def describe(self) -> list[Metric]:
        return []  # registering must not read the record

    def collect(self) -> Iterator[Metric]:
        record = self._record
        models = sorted(record.models.registered())
        found = lines.of(record, models, lines.AT_ONCE)
        yield ticket_gauges.counts(record)
        yield from ticket_gauges.deadlines(record)
        yield from ticket_gauges.left_lying(record)
        yield model_gauges.versions(found)
        yield from model_gauges.figures(found)
        yield model_gauges.verdicts(record, models)
        yield work_gauges.queues(self._queue)
        yield from work_gauges.workers(presence.known(record.redis))
        yield from work_gauges.clockwork(record)
        yield from work_gauges.redis(record)
        yield from self._verified.collect()
