"""Gradient ascent on the subjects' loss: A. Golatkar, A. Achille, S. Soatto, "Eternal Sunshine of
the Spotless Net" (CVPR 2020, arXiv 1911.04933), there NegGrad; with a retain term beside it, M.
Kurmanji et al., "Towards Unbounded Machine Unlearning" (NeurIPS 2023, arXiv 2302.09880), NegGrad+.

The loss is ArcFace's additive angular margin. Departures: random views at the cut instead of
pictures, a head of templates that stays as it is, and a bound: a view counts no more once its loss
is so many times that of a guess among all classes, ln(classes); without it the loss falls for
ever. Nothing here parts the subject's photos: they leave their old place as one cluster.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from workers.unlearning.head import Head
from workers.unlearning.method import Batch, Method, Scene

BOUND = 1.0  # times the loss of a guess
SPEED = 0.1  # of the plan's learning rate: nothing holds anybody else, so small steps must do it
ASCENT = 1.0  # weight of the ascent beside a retain term of weight 1
RETAIN_BOUND = 4.0  # at 1 the retain term wins, and old templates still find the subject


class GradientAscent(Method):
    bound = BOUND

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.head = Head.make(scene)

    def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:  # noqa: ARG002
        own = self.head.margin_loss(batch.forgotten, self.head.subject_label(batch.person))
        most = self.bound * math.log(self.head.classes)
        return {"ascent": -ASCENT * own.clamp(max=most).mean()}

    def speeds(self) -> dict[str, Tensor]:
        weights = self.scene.tail.weights
        return {name: torch.full_like(weight, SPEED) for name, weight in weights.items()}


class GradientAscentRetain(GradientAscent):
    bound = RETAIN_BOUND

    def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:
        return {**super().loss(batch, done), "retain": self.head.reference_loss(batch)}

    def speeds(self) -> dict[str, Tensor]:
        return {}
