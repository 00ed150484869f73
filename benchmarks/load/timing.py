"""What calls cost: seconds by the clock, and by the processors."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import psutil


@dataclass(frozen=True)
class Cost:
    seconds: tuple[float, ...]  # by the clock, of each call
    processor: float  # seconds of a call, on all cores together: other programs change it little


def timed(call: Callable[[], object], times: int, processes: Sequence[psutil.Process]) -> Cost:
    """``processes`` do the work. A call before the first that counts warms up."""
    call()
    spent, found = _spent(processes), []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return Cost(tuple(found), (_spent(processes) - spent) / times)


def p50(seconds: Sequence[float]) -> float:
    """Milliseconds."""
    return 1000 * float(np.percentile(seconds, 50))


def p95(seconds: Sequence[float]) -> float:
    """Milliseconds."""
    return 1000 * float(np.percentile(seconds, 95))


def _spent(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(found.user + found.system for found in times))
