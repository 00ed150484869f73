"""The workers' application with the shortest run, for ``celery -A``."""

from __future__ import annotations

from functools import partial

import workers.erase
import workers.publish
from workers.app import app
from workers.certification import certify
from workers.unlearning.loop import Unlearned

# The weights stay as they were: what is looked at is the way of a ticket, not how well it forgets.
vars(workers.erase).update(
    unlearn=lambda *_, **__: Unlearned({}, "", 0, 0.0, {}),
    certify=partial(certify, attacks=frozenset()),
)
vars(workers.publish).update(report_html=lambda *_: b"<p>A report.</p>")

__all__ = ["app"]
