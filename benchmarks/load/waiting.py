"""Waiting for what a benchmark started, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

from storage.errors import LetheError

LONGEST = 120.0  # seconds to wait for anything
LOOK = 0.002  # seconds between two looks


class NothingCame(LetheError):
    """What was waited for did not come."""


def until(ready: Callable[[], bool], what: str, every: float = LOOK) -> None:
    """
    Raises:
        NothingCame
    """
    end = time.monotonic() + LONGEST
    while not ready():
        if time.monotonic() > end:
            raise NothingCame(f"{what} did not come in {LONGEST:.0f} s")
        time.sleep(every)
