"""Pace: how often a long computation looks up to ask whether it is to go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

SECONDS = 0.5  # batches and photos come far faster than anybody cancels


@dataclass
class Pace:
    """Passes calls on to ``look``, no sooner than ``SECONDS`` after the last."""

    look: Callable[[], object]
    last: float = float("-inf")

    def __call__(self) -> None:
        now = time.monotonic()
        if now - self.last >= SECONDS:
            self.last = now
            self.look()
