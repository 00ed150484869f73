"""What calls cost: seconds by the clock, and by the processors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import psutil


@dataclass(frozen=True)
class Cost:
    """Seconds of each call."""

    seconds: tuple[float, ...]  # by the clock
    processors: tuple[float, ...]  # on all cores together: other programs change it little

    @property
    def processor(self) -> float:
        """Of a call, on average."""
        return float(np.mean(self.processors))


def timed(call: Callable[[], object], times: int, processes: Sequence[psutil.Process]) -> Cost:
    """``processes`` do the work. A call before the first that counts warms up."""
    call()
    return each([call] * times, processes)


def each(calls: Iterable[Callable[[], object]], processes: Sequence[psutil.Process]) -> Cost:
    """Of different calls, the first one as it comes."""
    clock, processors = [], []
    for call in calls:
        spent, start = spent_by(processes), time.perf_counter()
        call()
        clock.append(time.perf_counter() - start)
        processors.append(spent_by(processes) - spent)
    return Cost(tuple(clock), tuple(processors))


def p50(seconds: Sequence[float]) -> float:
    """Milliseconds."""
    return 1000 * float(np.percentile(seconds, 50))


def p95(seconds: Sequence[float]) -> float:
    """Milliseconds."""
    return 1000 * float(np.percentile(seconds, 95))


def spent_by(processes: Iterable[psutil.Process]) -> float:
    """Processor seconds since they began, all their threads', to the nanosecond."""
    return sum(time.clock_gettime(_clock(process.pid)) for process in processes)


def _clock(pid: int) -> int:
    """As of clock_getcpuclockid(3), which Python lacks for other processes."""
    return (~pid << 3) | 2
