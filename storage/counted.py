"""What processes count into one folder, as prometheus_client's multiprocess mode leaves it.

A process leaves a file of its own there, so that the sums are right over all of them and outlive
each. That mode knows no exemplars: the last ticket of each bucket of a stage is kept beside them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

# prometheus_client looks for the folder once, when it is imported: whoever counts has it from here.
if _folder := os.environ.get("LETHE_METRICS_DIR"):
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", _folder)

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import Exemplar, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

__all__ = ["STAGES", "Counted", "Counter", "Gauge", "Histogram", "keep_exemplar", "serve"]

STAGES = "lethe_stage_duration_seconds"  # the histogram whose buckets have exemplars
_Kept = dict[str, tuple[str, float, float]]  # bucket → ticket, its seconds, when


def keep_exemplar(
    folder: Path, stage: str, buckets: Sequence[float], ticket: str, seconds: float
) -> None:
    """The ticket took so long: whoever looks at the bucket finds it.

    ``buckets``: their upper bounds, ascending.
    """
    bucket = next((bound for bound in buckets if seconds <= bound), float("inf"))
    kept = _read(folder, stage) | {_bound(bucket): (ticket, seconds, time.time())}
    part = _file(folder, stage).with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(kept))
    part.replace(_file(folder, stage))


class Counted(Collector):
    """The sums over all files of a folder; none where it is not there yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        if not self._folder.is_dir():
            return
        files = MultiProcessCollector(None, str(self._folder))  # type: ignore[no-untyped-call]
        for metric in files.collect():  # type: ignore[no-untyped-call]
            if metric.name == STAGES:
                metric.samples = list(self._with_exemplars(metric.samples))
            yield metric

    def _with_exemplars(self, samples: Sequence[Sample]) -> Iterator[Sample]:
        kept = {stage: _read(self._folder, stage) for stage in _stages(samples)}
        below: dict[str, float] = {}  # by stage, what the buckets before this one count
        for sample in samples:
            stage, bucket = sample.labels["stage"], sample.labels.get("le")
            if bucket is None:
                yield sample
                continue
            found = kept[stage].get(bucket)
            # One of an earlier life of the folder is not of what this bucket counts.
            if found is not None and sample.value > below.get(stage, 0.0):
                ticket, seconds, at = found
                yield sample._replace(exemplar=Exemplar({"ticket": ticket}, seconds, at))
            else:
                yield sample
            below[stage] = sample.value


def _bound(bucket: float) -> str:
    return str(floatToGoString(bucket))  # type: ignore[no-untyped-call]


def serve(folder: Path, port: int) -> None:
    """Answers Prometheus from a thread.

    Raises:
        OSError: the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(Counted(folder))
    start_http_server(port, registry=registry)


def _stages(samples: Sequence[Sample]) -> set[str]:
    return {sample.labels["stage"] for sample in samples}


def _read(folder: Path, stage: str) -> _Kept:
    try:
        text = _file(folder, stage).read_text()
    except FileNotFoundError:
        return {}
    return {bucket: (ticket, value, at) for bucket, (ticket, value, at) in json.loads(text).items()}


def _file(folder: Path, stage: str) -> Path:
    return folder / f"exemplars_{stage}.json"
