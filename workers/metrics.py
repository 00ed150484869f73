"""What the workers count; one folder of files makes the sums right over all processes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.counted import STAGES, Counter, Gauge, Histogram, keep_exemplar
from storage.leases import LeaseLost
from storage.uploads.images import Reason
from workers.attempts import RunChanged
from workers.stopping import Stopping

STAGE_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 900, 3600)
RESULTS = ("completed", "refused", "failed")  # of a run

if _folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    Path(_folder).mkdir(parents=True, exist_ok=True)

stage_duration = Histogram(STAGES, "Seconds that a stage took.", ["stage"], buckets=STAGE_SECONDS)
erasures = Counter("lethe_erasures", "Runs of the erasure.", ["model", "result"])
photos_rejected = Counter("lethe_photos_rejected", "Photos refused in preparation.", ["reason"])
faces_embedded = Counter("lethe_faces_embedded", "Faces turned into templates.")
gpu_memory = Gauge(
    "lethe_gpu_memory_bytes", "GPU memory held by the worker.", multiprocess_mode="livesum"
)

for _stage in ("preparing", "unlearning", "certifying", "publishing"):
    stage_duration.labels(_stage)  # counted from nought: the first one shows as an increase, too
for _reason in Reason:
    photos_rejected.labels(_reason)


@contextmanager
def timed(stage: str, ticket: str) -> Iterator[None]:
    """Observes the stage's duration, whether it ends well or not.

    ``ticket`` is the exemplar: of a run of several, one of them.
    """
    start = time.monotonic()
    try:
        yield
    finally:
        seconds = time.monotonic() - start
        stage_duration.labels(stage).observe(seconds)
        if _folder:
            with suppress(OSError):  # of a full disk, say: no stage fails for its exemplar
                keep_exemplar(Path(_folder), stage, STAGE_SECONDS, ticket, seconds)
        _note_gpu_memory()


@contextmanager
def counted(model: str) -> Iterator[None]:
    """Counts a run that fails; one that is only made again is none."""
    for result in RESULTS:
        erasures.labels(model, result)
    try:
        yield
    except (LeaseLost, RunChanged, Stopping):
        raise
    except Exception:  # whatever it is, `attempt` says so
        erasures.labels(model, "failed").inc()
        raise


def forget_dead(folder: Path) -> None:
    """Removes the gauges of processes of this machine that were killed."""
    for file in folder.glob("gauge_live*_*.db"):
        try:
            os.kill(int(file.stem.rpartition("_")[2]), 0)
        except ProcessLookupError:
            file.unlink(missing_ok=True)
        except PermissionError:
            continue  # somebody else's, and alive


def _note_gpu_memory() -> None:
    torch = sys.modules.get("torch")  # a stage that needed none has not loaded it
    if torch is not None and torch.cuda.is_initialized():
        gpus = range(torch.cuda.device_count())
        gpu_memory.set(sum(torch.cuda.memory_reserved(gpu) for gpu in gpus))
