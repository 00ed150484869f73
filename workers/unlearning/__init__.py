"""Unlearning: changes a recogniser's last layers so that some people's faces scatter.

torch is loaded when a run begins, not before: the worker's main process must stay without it,
because CUDA does not survive a fork. Training itself needs torch, onnx and numpy alone, so that it
can be measured where nothing else is installed (``benchmarks.gpu``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workers.recognizer import Recognizer
from workers.unlearning.checkpoints import (
    Checkpoints,
    FileCheckpoints,
    run_key,
)
from workers.unlearning.plan import METHODS, Plan, Step, Watch

if TYPE_CHECKING:
    from storage.uploads.images import Pixels
    from workers.unlearning.loop import Unlearned

__all__ = [
    "METHODS",
    "Checkpoints",
    "FileCheckpoints",
    "Plan",
    "Step",
    "Watch",
    "run_key",
    "unlearn",
]


def unlearn(
    recognizer: Recognizer,
    subjects: Sequence[Pixels],
    reference: Mapping[str, Pixels],
    plan: Plan,
    watch: Watch = lambda _: None,
    cache: Path | None = None,
    checkpoints: Checkpoints | None = None,
) -> Unlearned:
    """New weights with which the faces of ``subjects`` scatter; see ``loop.unlearn``."""
    from workers.unlearning import loop

    return loop.unlearn(recognizer, subjects, reference, plan, watch, cache, checkpoints)
