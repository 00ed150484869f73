"""The workers' application with the shortest run, for ``celery -A`` and for hands."""

from __future__ import annotations

import sys

import torch
import torch._dynamo  # Adam imports it at its first step, which takes seconds

import workers.erase  # noqa: F401 - and all that it needs
from tests.faults.shortest import SHORTER
from workers.app import app
from workers.unlearning import loop, snapshot  # noqa: F401 - all of it, before the fork

torch.set_num_threads(1)
for name, shorter in SHORTER.items():
    vars(sys.modules[name]).update(shorter)
vars(snapshot).update(CHECKPOINT_SECONDS=0.0)  # a checkpoint at every check

__all__ = ["app"]
