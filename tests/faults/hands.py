"""Hands: processes that carry out one delivery of a task each, as a worker's child does."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess

SECONDS = 60.0  # far more than anything takes; what hangs must not hang the tests


@cache
def _forks() -> ForkServerContext:
    """Forks processes that have everything imported, and nothing else done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.crew_worker"])
    return context


def _work(environment: Mapping[str, str], task: str, argument: str) -> None:
    os.environ.update(environment)
    import tests.faults.crew_worker  # noqa: F401 - loaded before the fork
    from tests.workers.workshop import forget_connections
    from workers import stopping
    from workers.erase import erase
    from workers.prepare import prepare

    stopping.forget()  # the byte is shared with the hands before
    stopping.hear(signal.SIGTERM)
    forget_connections()
    {"prepare": prepare, "erase": erase}[task](argument)


@dataclass
class Hand:
    process: BaseProcess

    @classmethod
    def start(cls, environment: Mapping[str, str], task: str, argument: str) -> Hand:
        process = _forks().Process(target=_work, args=(environment, task, argument), daemon=True)
        process.start()
        return cls(process)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.process.join(SECONDS)

    def end(self) -> int | None:
        """Its exit status, when it has come to its end by itself."""
        self.process.join(SECONDS)
        return self.process.exitcode

    def send(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)
