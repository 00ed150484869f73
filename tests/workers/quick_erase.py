"""``lethe`` with a short run that writes a checkpoint at every check, for ``python -m``."""

from __future__ import annotations

from functools import partial

import torch

import workers.unlearning
from lethe.cli import main
from tests.workers.short import SHORT
from workers.unlearning import Plan, snapshot

if __name__ == "__main__":
    torch.set_num_threads(1)
    vars(snapshot).update(CHECKPOINT_SECONDS=0.0)
    vars(workers.unlearning).update(Plan=partial(Plan, **SHORT))
    main()
