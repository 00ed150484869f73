"""What the workers count; one folder of files makes the sums right over all processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

STAGE_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 900, 3600)

stage_duration = Histogram(
    "lethe_stage_duration_seconds", "Seconds that a stage took.", ["stage"], buckets=STAGE_SECONDS
)
erasures = Counter("lethe_erasures", "Runs of the erasure.", ["model", "result"])
photos_rejected = Counter("lethe_photos_rejected", "Photos refused in preparation.", ["reason"])
faces_embedded = Counter("lethe_faces_embedded", "Faces turned into templates.")
gpu_memory = Gauge(
    "lethe_gpu_memory_bytes", "GPU memory held by the worker.", multiprocess_mode="livesum"
)


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """Observes the stage's duration, whether it ends well or not."""
    start = time.monotonic()
    try:
        yield
    finally:
        stage_duration.labels(stage).observe(time.monotonic() - start)
