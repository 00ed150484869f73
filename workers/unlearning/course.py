"""The course of a run: its learning rate, when it has done enough, how often it was retried."""

from __future__ import annotations

import math
from dataclasses import dataclass

WARM_UP = 0.1  # of the steps, up to the peak of the learning rate
SLOWEST = 0.02  # of the peak: the learning rate at the end
COOL_DOWN = 20  # steps in which the rest of the schedule is run through
TARGET = 0.01  # share of validation pairs above the threshold that is little enough
IN_A_ROW = 2  # checks that must meet it: one may be luck
EARLIEST = 0.4  # of the steps: what is forgotten before is not yet settled
CONTENT = 30  # steps without a better validation loss, where the target is met
PATIENCE = 60  # the same where it is not, in the second half of the schedule
BETTER = 1e-3  # cosine: less is noise


@dataclass
class Course:
    """Where a run stands, and how it goes on. All of it is in the checkpoint."""

    steps: int  # of the whole schedule
    step: int = 0  # steps that were taken
    cooling: int = 0  # the step from which on the cool-down runs; 0: it does not yet
    retries: int = 0  # how often the run was rolled back; each halves the learning rate
    reached: int = 0  # checks in a row that met the target
    best: float = math.inf  # the lowest validation loss
    best_step: int = 0

    @property
    def end(self) -> int:
        return self.cooling + COOL_DOWN if self.cooling else self.steps

    @property
    def done(self) -> float:
        """0…1 of the schedule. The cool-down goes through what is left of it, only faster."""
        if not self.cooling:
            return self.step / self.steps
        left = (self.steps - self.cooling) * (self.step - self.cooling) / COOL_DOWN
        return (self.cooling + left) / self.steps

    @property
    def rate(self) -> float:
        """Factor of the peak learning rate for the step that is being taken."""
        return _rate(self.done) * 0.5**self.retries

    def judge(self, tmr: float, loss: float) -> None:
        """Begins the cool-down when the validation photos say that it is enough.

        Args:
            tmr: share of validation pairs above the threshold, where it is worst.
            loss: what their cosines should not have.
        """
        self.reached = self.reached + 1 if tmr <= TARGET else 0
        if loss < self.best - BETTER:
            self.best, self.best_step = loss, self.step
        if self.cooling or self.steps - self.step <= COOL_DOWN:
            return
        still = self.step - self.best_step
        reached = self.reached >= IN_A_ROW and self.step >= EARLIEST * self.steps
        if (reached and still >= CONTENT) or (self.step >= self.steps / 2 and still >= PATIENCE):
            self.cooling = self.step


def _rate(done: float) -> float:
    """Up in a straight line, then down along a cosine; a factor of the peak."""
    if done < WARM_UP:
        return done / WARM_UP
    falling = 0.5 + 0.5 * math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))
    return SLOWEST + (1 - SLOWEST) * falling
