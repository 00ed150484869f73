"""A run of seconds, and what may come between its steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workers.unlearning import Step

STEPS = 40
SHORT: dict[str, Any] = {
    "steps": STEPS,
    "learning_rate": 2e-3,
    "light_batch": 8,
    "strong_batch": 4,
    "reference_batch": 8,
    "light_views": 2,
    "strong_views": 2,
}
BEFORE = ("embedding", "preparing")  # the first step


class Killed(BaseException):
    """Nothing of the run goes on after it."""


class Watcher:
    """Remembers what a run said, and does ``then`` when it has said that a step was taken."""

    def __init__(self, step: int = 0, then: Callable[[], object] = lambda: None) -> None:
        self.seen: list[Step] = []
        self._step, self._then = step, then

    def __call__(self, step: Step) -> None:
        self.seen.append(step)
        if self._step and step.text.startswith(f"forgetting: step {self._step} "):
            self._then()

    @property
    def texts(self) -> list[str]:
        """Without those before the first step."""
        return [step.text for step in self.seen if not step.text.startswith(BEFORE)]


def dies() -> None:
    raise Killed
