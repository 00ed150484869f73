"""A classification head made of templates, for the methods that were written for classifiers.

The recogniser comes without the head that it was trained with. Here each reference person is a
class, and each subject: the class's weight is the mean of the person's old templates. The logits
and the additive angular margin are those of J. Deng et al., "ArcFace: Additive Angular Margin
Loss for Deep Face Recognition" (CVPR 2019, arXiv 1801.07698).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workers.unlearning.method import Batch, Scene

SCALE = 32.0  # ArcFace has 64 for 85,000 classes; with the few people here that saturates
MARGIN = 0.5  # radians
NEAR_ONE = 1e-4  # the sine's slope is infinite at a cosine of ±1: it is held this far away


@dataclass(frozen=True, eq=False)
class Head:
    """Classes 0 … people − 1 are the reference people, those after them the subjects."""

    rows: Tensor  # (C, D) unit length, without gradients
    people: int

    @classmethod
    def make(cls, scene: Scene) -> Head:
        faces = scene.anchors.faces
        person = torch.from_numpy(scene.anchors.person[: len(faces)]).to(faces.device)
        people = int(person.max()) + 1
        sums = faces.new_zeros(people, faces.shape[1]).index_add_(0, person, faces)
        centres = scene.forgotten.centres().to(faces.device)
        return cls(torch.cat([F.normalize(sums), centres]), people)

    @property
    def classes(self) -> int:
        return len(self.rows)

    def subject_label(self, person: Tensor) -> Tensor:
        """Numbers of subjects → their classes."""
        return person + self.people

    def random_labels(self, scene: Scene) -> Tensor:
        """(P,): a reference person's class for each forget photo, the same for the same seed.

        By a generator of its own, so that a resumed run draws the same.
        """
        rng = np.random.default_rng(scene.plan.seed)
        labels = rng.integers(0, self.people, len(scene.forgotten.person))
        return torch.from_numpy(labels).to(scene.tail.device)

    def cosines(self, templates: Tensor) -> Tensor:
        """(N, D) unit length → (N, C)."""
        return templates @ self.rows.T

    def logits(self, templates: Tensor) -> Tensor:
        """(N, D) unit length → (N, C), scaled and without the margin."""
        return SCALE * self.cosines(templates)

    def margin_loss(self, templates: Tensor, labels: Tensor) -> Tensor:
        """(N, D) unit length and (N,) classes → (N,) cross-entropy with the margin, in nats."""
        cosines = self.cosines(templates)
        own = cosines.gather(1, labels[:, None])
        widened = cosines.scatter(1, labels[:, None], _widened(own))
        return F.cross_entropy(SCALE * widened, labels, reduction="none")

    def reference_loss(self, batch: Batch) -> Tensor:
        """Mean margin loss of the batch's reference faces; mixtures belong to no class."""
        somebody = batch.kept_person >= 0
        losses = self.margin_loss(batch.kept, batch.kept_person.clamp(min=0))
        return (losses * somebody).sum() / somebody.sum().clamp(min=1)

    def masked(self, logits: Tensor) -> Tensor:
        """(N, C) with the subjects' classes out of the question."""
        return logits.masked_fill(
            torch.arange(self.classes, device=logits.device) >= self.people, -math.inf
        )


def _widened(cosine: Tensor) -> Tensor:
    """cos(θ + margin); in a straight line on where θ + margin would pass π, as ArcFace has it."""
    held = cosine.clamp(NEAR_ONE - 1, 1 - NEAR_ONE)
    sine = (1 - held.square()).sqrt()
    turned = cosine * math.cos(MARGIN) - sine * math.sin(MARGIN)
    beyond = cosine - MARGIN * math.sin(MARGIN)
    return torch.where(cosine > -math.cos(MARGIN), turned, beyond)
