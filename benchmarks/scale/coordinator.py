"""The process that has the run: divides the embedding of a face set and a search, and times both.

    python -m benchmarks.scale.coordinator RECOGNISER TEMPLATES [--helper PID …]

Prints JSON: for each part wall seconds, CPU seconds of this process and of each helper's, and how
many shards of all this process did.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from structlog.testing import capture_logs

from benchmarks.command import positive
from benchmarks.scale.cores import pin
from workers.certification.search import Ranges
from workers.certification.templates import Templates

MODEL, FACES = "scale", "benchmark"
DIMENSIONS, PHOTOS = 512, 10  # of a template; of a person


def main() -> None:
    options = _options()
    from storage.record import Record
    from workers.recognizer import Recognizer
    from workers.shards.division import divided

    recognizer = Recognizer.load(options.recogniser)
    templates, without = gallery(options.templates)
    with divided(Record.open(), MODEL) as division:
        parts = {
            "embed": lambda: list(division.embed(recognizer, FACES, lambda _: None)),
            "search": lambda: division.search(templates, templates, without),
        }
        print(json.dumps({name: _timed(part, options.helper) for name, part in parts.items()}))


def gallery(count: int) -> tuple[Templates, Ranges]:
    """Random templates (N, 512), and the rows of each one's own person (N, 2)."""
    rng = np.random.default_rng(0)
    made = rng.normal(size=(count, DIMENSIONS)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    first = np.arange(count) // PHOTOS * PHOTOS
    return made, np.stack([first, first + PHOTOS], axis=1)


def _timed(part: Callable[[], object], helpers: Sequence[int]) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), [time.process_time(), *map(_cpu, helpers)]
    with capture_logs() as logs:
        part()
    (told,) = (entry for entry in logs if entry["event"] == "divided")
    wall, after = time.perf_counter() - wall, [time.process_time(), *map(_cpu, helpers)]
    used = [now - then for now, then in zip(after, cpu, strict=True)]
    return {"wall": wall, "cpu": used, "own": told["own"], "shards": told["shards"]}


def _cpu(pid: int) -> float:
    """Seconds of a worker and of its child, which does the work."""
    worker = psutil.Process(pid)
    times = [each.cpu_times() for each in (worker, *worker.children())]
    return sum(time.user + time.system for time in times)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale.coordinator")
    parser.add_argument("recogniser", type=Path)
    parser.add_argument("templates", type=positive)
    parser.add_argument("--helper", nargs="*", type=int, default=[], help="workers' process ids")
    return parser.parse_args()


if __name__ == "__main__":
    pin()
    main()
