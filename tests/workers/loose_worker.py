"""The workers' application with a short run, for ``celery -A``."""

from __future__ import annotations

import workers.erase
from tests.workers.erased import PLAN
from workers.app import app

vars(workers.erase).update(
    Plan=lambda seed: PLAN,  # noqa: ARG005
)

__all__ = ["app"]
