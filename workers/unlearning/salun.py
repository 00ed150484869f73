"""SalUn: random labels for the subjects, and only the weights that matter to them move.

C. Fan, J. Liu, Y. Zhang, E. Wong, D. Wei and S. Liu, "SalUn: Empowering Machine Unlearning via
Gradient-based Weight Saliency in Both Image Classification and Generation" (ICLR 2024,
arXiv 2310.12508).

Before the first step the gradient of the forget loss ranks all weights of the tail; the upper half
moves, the rest stays to the bit. Departures: labels are those of a head of reference templates,
each photo's random one is a reference person's; and anchors that are mixtures, without a label,
are held at their old templates.
"""

from __future__ import annotations

import torch
from torch import Tensor

from workers.unlearning.head import Head
from workers.unlearning.method import Batch, Method, Scene
from workers.unlearning.tail import AT_ONCE

SALIENT = 0.5  # of the tail's weights move
TASK = 1.0  # weight of the reference faces' own labels
KEEP = 160.0  # weight of the mixtures' distance from their old templates


class SalUn(Method):
    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.head = Head.make(scene)
        self._labels = self.head.random_labels(scene)  # (P,)
        self._speeds = salient(scene, self.head)

    def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:  # noqa: ARG002
        moved = 1 - (batch.kept * batch.kept_old).sum(1)
        return {
            "random": self.head.margin_loss(batch.forgotten, self._labels[batch.photo]).mean(),
            "task": TASK * self.head.reference_loss(batch),
            "keep": KEEP * (moved * (batch.kept_person < 0)).mean(),
        }

    def speeds(self) -> dict[str, Tensor]:
        return self._speeds


def salient(scene: Scene, head: Head) -> dict[str, Tensor]:
    """Initialiser → 1 where the forget loss is steepest, 0 elsewhere."""
    weights, slopes = scene.tail.weights, _slopes(scene, head)
    steepness = torch.cat([slope.abs().flatten() for slope in slopes])
    moving = torch.zeros_like(steepness)
    moving[steepness.topk(round(SALIENT * len(steepness))).indices] = 1.0
    shares = torch.split(moving, [slope.numel() for slope in slopes])
    return {
        name: share.reshape(weights[name].shape)
        for name, share in zip(weights, shares, strict=True)
    }


def _slopes(scene: Scene, head: Head) -> list[Tensor]:
    """Gradient of the loss over all light views of the subjects, for each of the tail's weights."""
    weights, views = scene.tail.parameters(), scene.forgotten.light
    person = torch.from_numpy(scene.forgotten.person).repeat_interleave(views.shape[1])
    shown = torch.split(views.flatten(0, 1), AT_ONCE)
    sums = [torch.zeros_like(weight) for weight in weights]
    for piece, whose in zip(shown, torch.split(person, AT_ONCE), strict=True):
        labels = head.subject_label(whose.to(scene.tail.device))
        templates = scene.tail.embed(piece.to(scene.tail.device))[1]
        loss = head.margin_loss(templates, labels).sum()
        for total, slope in zip(sums, torch.autograd.grad(loss, weights), strict=True):
            total += slope
    return sums
