"""What every method is: a loss over batches, and what it may look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from workers.recognizer import CutPoint, Recognizer
from workers.unlearning.anchors import Anchors
from workers.unlearning.forgotten import Forgotten
from workers.unlearning.plan import Plan
from workers.unlearning.tail import Tail


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything of a run that stays the same while the tail trains."""

    recognizer: Recognizer  # as it was
    cut: CutPoint
    tail: Tail
    forgotten: Forgotten
    anchors: Anchors
    plan: Plan
    rng: np.random.Generator
    transfer: float = 0.0  # of other people's variation, added to half of the subjects' views


@dataclass(frozen=True)
class Batch:
    """B views of subjects' photos, then R anchors, by the network as it is now."""

    shown: Tensor  # (B, *cut) what the tail was shown of the subjects
    forgotten: Tensor  # (B, D) unit length
    pooled: Tensor  # (B, F) the features before the last linear layer, unit length
    old: Tensor  # (B, D) the same views by the network as it was
    centre: Tensor  # (B, D) each view's subject's mean old template, unit length
    person: Tensor  # (B,) number of the subject
    photo: Tensor  # (B,) number of the photo
    light: Tensor  # (B,) whether the view is a light one
    enrolled: Tensor  # (B,) whether the attacker enrols the photo; he searches with the others
    kept_shown: Tensor  # (R, *cut)
    kept: Tensor  # (R, D) unit length
    kept_old: Tensor  # (R, D) by the network as it was
    kept_person: Tensor  # (R,) number of the reference person; -1 for a mixture of several
    others: Tensor  # (M, D) one old template of each reference face


class Method:
    """A loss that the shared loop minimises; each file of a method holds one subclass.

    A method may change the tail when it is made (closed forms, masks, rooms) and after each step
    (constraints); what it needs to know beyond the batch it takes from the scene.
    """

    note = ""  # how it was carried out on this network, where there is a choice
    trains = True  # False: all was done when it was made, and no step is taken

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:
        """The terms of the loss, by name; their sum is minimised. ``done``: 0…1 of the steps."""
        raise NotImplementedError

    def speeds(self) -> dict[str, Tensor]:
        """Initialiser → factor of each of its values' steps, same shape; left out means 1."""
        return {}

    def settle(self) -> None:
        """Called after each step, without gradients: restores what the method holds fixed."""
