"""One core for a process: with one core it takes one thread."""

from __future__ import annotations

import os

CORE = "LETHE_BENCHMARK_CORE"


def pin() -> None:
    """To the core that ``CORE`` names, before anything counts the cores."""
    if CORE in os.environ:
        os.sched_setaffinity(0, {int(os.environ[CORE])})
