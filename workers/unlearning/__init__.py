"""Unlearning: changes a recogniser's last layers so that some people's faces scatter."""

from workers.unlearning.loop import Unlearned, unlearn
from workers.unlearning.plan import METHODS, Plan, Step, Watch

__all__ = ["METHODS", "Plan", "Step", "Unlearned", "Watch", "unlearn"]
