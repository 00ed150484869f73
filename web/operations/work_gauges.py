"""Gauges about what the work stands on: queues, workers, the sweep, Redis, the record itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from storage import condition, keys
from storage.audit.log import Act, Entry, Filter
from storage.canonical import Corrupt
from storage.presence import Worker
from storage.queue import Queue
from storage.record import Record
from storage.store.errors import ObjectMissing, StoreRefused, StoreUnavailable
from web.operations import fleet

_OF_WORKER = ["worker", "queues"]


def queues(queue: Queue) -> Metric:
    family = GaugeMetricFamily("lethe_queue_depth", "Tasks waiting in a queue.", labels=["queue"])
    for name, length in fleet.queue_lengths(queue).items():
        family.add_metric([name], length)
    return family


def workers(known: Sequence[Worker]) -> Iterator[Metric]:
    busy = GaugeMetricFamily(
        "lethe_worker_busy", "1 while a worker works on a task, else 0.", labels=_OF_WORKER
    )
    silent = GaugeMetricFamily(
        "lethe_worker_silent_seconds",
        "Since a worker last said that it is alive; one that went without a word stays an hour.",
        labels=_OF_WORKER,
    )
    for worker in known:
        labels = [worker.name, ",".join(worker.queues)]
        silent.add_metric(labels, worker.silent)
        if worker.alive:
            busy.add_metric(labels, float(worker.busy))
    yield from (busy, silent)


def clockwork(record: Record) -> Iterator[Metric]:
    redis, now = record.redis, time.time()
    yield GaugeMetricFamily(
        "lethe_last_sweep_timestamp_seconds",
        "When the last sweep came to its end; 0: none has since Redis is new.",
        float(redis.get(keys.SWEPT) or 0),
    )
    yield GaugeMetricFamily(
        "lethe_webhooks_put_off",
        "Events that the webhook's receiver did not take, to be told again.",
        int(redis.zcount(keys.ANNOUNCEMENTS, f"({now}", "+inf")),
    )


def redis(record: Record) -> Iterator[Metric]:
    """What Redis tells of itself; some providers tell less."""
    found = condition.of_redis(record)
    given = {
        "lethe_redis_memory_bytes": ("Memory that Redis uses.", found.memory),
        "lethe_redis_memory_limit_bytes": (
            "Memory that Redis may use; 0: all of its machine.",
            found.most_memory,
        ),
        "lethe_redis_noeviction": (
            "1 where a full Redis refuses to write, 0 where it drops queued work.",
            None if found.eviction is None else int(found.eviction == "noeviction"),
        ),
    }
    for name, (text, value) in given.items():
        if value is not None:
            yield GaugeMetricFamily(name, text, value)
    if found.evicted is not None:
        text = "Keys that Redis dropped as it was full."
        yield CounterMetricFamily("lethe_redis_evicted_keys", text, found.evicted)


class Verified:
    """The last verification of the record, as the audit log has it."""

    def __init__(self, record: Record) -> None:
        self._audit = record.audit
        self._number = 0
        self._found: tuple[float, int] = (0.0, 0)  # when, and how many links were broken

    def collect(self) -> Iterator[Metric]:
        """None where nobody verified it yet; where the store does not answer, what was known."""
        numbers = self._audit.index.numbers(Filter(act=Act.LEDGER_VERIFIED), None, 1)
        if numbers and numbers[0] != self._number:
            self._read(numbers[0])
        if not self._number:
            return
        at, broken = self._found
        yield GaugeMetricFamily(
            "lethe_ledger_broken", "Broken links that the record's last verification found.", broken
        )
        yield GaugeMetricFamily(
            "lethe_ledger_verified_timestamp_seconds", "When the record was last verified.", at
        )

    def _read(self, number: int) -> None:
        try:
            entry: Entry = self._audit.entry(number)
        except (StoreRefused, StoreUnavailable):
            return
        except (Corrupt, ObjectMissing):  # of the log that is a part of the record
            self._number, self._found = number, (0.0, 1)
            return
        at = datetime.fromisoformat(entry.at).timestamp()
        self._number, self._found = number, (at, int(entry.facts.get("broken", 0)))
