"""Gauges about tickets: how many are where, what is due, what lies still."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric

from storage import condition, keys
from storage.record import Record
from storage.tickets import retention

# The earliest of all open tickets, each a time series: a scrape costs no more with more of them.
DEADLINES = 200
DAY = 24 * 3600


def counts(record: Record) -> Metric:
    """A state in which a model has no ticket has no sample: there are thirteen of each model."""
    family = GaugeMetricFamily("lethe_tickets", "Tickets in a state.", labels=["model", "state"])
    for (model, state), count in record.tickets.counts().items():
        family.add_metric([model, state], count)
    return family


def deadlines(record: Record) -> Iterator[Metric]:
    redis, now = record.redis, time.time()
    near = now + record.settings.deadline_warning_days * DAY
    yield GaugeMetricFamily(
        "lethe_deadlines_missed",
        "Open tickets whose deadline has passed.",
        int(redis.zcount(keys.DEADLINES, "-inf", f"({now}")),
    )
    yield GaugeMetricFamily(
        "lethe_deadlines_near",
        "Open tickets whose deadline comes within LETHE_DEADLINE_WARNING_DAYS.",
        int(redis.zcount(keys.DEADLINES, now, near)),
    )
    family = GaugeMetricFamily(
        "lethe_ticket_deadline_seconds",
        f"Seconds until an open ticket's deadline, of the {DEADLINES} earliest; below zero when it "
        "has passed.",
        labels=["model", "ticket"],
    )
    found: list[Any] = redis.zrange(keys.DEADLINES, 0, DEADLINES - 1, withscores=True)
    tickets = record.tickets.index.tickets(str(id_) for id_, _ in found)
    for ticket, (_, end) in zip(tickets, found, strict=True):
        if ticket is not None:  # it went between the two questions
            family.add_metric([ticket.model, ticket.id], round(float(end) - now))
    yield family


def left_lying(record: Record) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "lethe_tickets_stuck",
        "Tickets in work that nothing moved for a day.",
        len(condition.stuck(record)),
    )
    yield GaugeMetricFamily(
        "lethe_photos_overdue",
        "Ended tickets whose photos are still there, beyond the time that is set.",
        retention.overdue(record),
    )
