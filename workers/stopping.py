"""Stopping: a worker that is asked to end says so to its child, which stops at the next step.

Celery asks the parent alone; what the two share is one byte of memory, made before the fork.
"""

from __future__ import annotations

import mmap
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# A run that does not come to a step for so long lets go of its model all the same; what is left
# of the soft shutdown's time is for whatever that takes.
PATIENCE_SECONDS = 12.0
LOOK_SECONDS = 0.2

_asked = mmap.mmap(-1, 1)  # anonymous and shared: a forked child sees what its parent writes


class Stopping(Exception):
    """The worker ends; another one goes on with the work."""


def ask() -> None:
    _asked[0] = 1


def forget() -> None:
    """For a process that goes on after all."""
    _asked[0] = 0


def asked() -> bool:
    return bool(_asked[0])


def check() -> None:
    """
    Raises:
        Stopping
    """
    if asked():
        raise Stopping


def hear(number: signal.Signals) -> None:
    """Asks when the signal comes, then does what was done before.

    Celery's own ``worker_shutting_down`` is no use here: of a cold shutdown it tells when the
    time for the soft one is over.
    """
    before, own = signal.getsignal(number), os.getpid()

    def stop(received: int, frame: FrameType | None) -> Any:
        if os.getpid() == own:  # a child inherits the handler, and may be killed for itself
            ask()
        return before(received, frame) if callable(before) else None

    signal.signal(number, stop)


@contextmanager
def or_let_go(let_go: Callable[[], object], patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Calls ``let_go`` from a thread when what is inside goes on for so long after it was asked."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK_SECONDS):
            if asked():
                if not done.wait(patience):
                    let_go()
                return

    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        done.set()
