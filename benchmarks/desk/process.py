"""The web process itself: how fast it is there, and whether its memory stays steady."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import cycle, islice

from benchmarks.desk.one_core import OneCore
from benchmarks.load.timing import spent_by
from storage.accounts.passwords import hashed
from storage.settings import MIB

STARTS = {
    "python alone": "pass",
    "import web.app": "import web.app",
    "import web.app, create_app()": "from web.app import create_app; create_app()",
}


def say_start(times: int) -> None:
    """What a start and a password cost; the settings name the house's own servers."""
    print(f"\nstart of the web, the least of {times}: s by the clock, s on processors")
    for what, code in STARTS.items():
        clock, processors = (min(found) for found in zip(*_starts(code, times), strict=True))
        print(f"{what:40}{clock:>10.2f}{processors:>10.2f}", flush=True)
    start = time.process_time()
    hashed("a password like any other")
    print(f"{'argon2id, once a sign-in by password':40}{'':10}{time.process_time() - start:>10.2f}")


def _starts(code: str, times: int) -> list[tuple[float, float]]:
    found = []
    for _ in range(times):
        clock, before = time.perf_counter(), _children()
        subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code
        found.append((time.perf_counter() - clock, _children() - before))
    return found


def _children() -> float:
    """Processor seconds of all that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def say_memory(core: OneCore, paths: Mapping[str, str], views: Sequence[int]) -> None:
    """The worker's resident memory after so many page views, from path to path in turn."""
    print(f"\nresident memory of gunicorn's worker over {len(paths)} pages in turn")
    print(f"{'views':>10}{'MiB':>10}{'ms a view':>12}")
    turns, seen = cycle(core.page(path) for path in paths.values()), 0
    for wanted in views:
        spent = spent_by([core.worker])
        for ask in islice(turns, wanted - seen):
            ask()
        a_view = 1000 * (spent_by([core.worker]) - spent) / max(wanted - seen, 1)
        seen = wanted
        print(f"{seen:>10,}{core.worker.memory_info().rss / MIB:>10.1f}{a_view:>12.1f}", flush=True)
