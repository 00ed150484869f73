"""The workers' application with a run of few steps, for ``celery -A``."""

from __future__ import annotations

import workers.erase
from workers.app import app
from workers.unlearning import Plan

STEPS = 5  # what is measured is what a ticket leaves in memory, not how well it forgets

vars(workers.erase).update(
    Plan=lambda seed: Plan(
        method="dispersion",
        seed=seed,
        steps=STEPS,
        light_batch=8,
        strong_batch=4,
        reference_batch=8,
        light_views=2,
        strong_views=2,
        validate=False,
    )
)

__all__ = ["app"]
