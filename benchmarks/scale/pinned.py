"""The workers' application on one core, for ``celery -A``."""

from __future__ import annotations

from benchmarks.scale.cores import pin

pin()

from workers.app import app  # noqa: E402 - pinned first

__all__ = ["app"]
