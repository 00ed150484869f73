"""Selective synaptic dampening: weights that matter to the subjects alone shrink; no training.

J. Foster, S. Schoepf and A. Brintrup, "Fast Machine Unlearning Without Retraining Through
Selective Synaptic Dampening" (AAAI 2024, arXiv 2308.07707).

A weight's importance is the mean squared gradient of the loss (diagonal of the Fisher information),
once over the subjects' views and once over anchors. Where their ratio is above ALPHA the weight is
dampened. Departures: only the tail's weights; anchors stand for the training set; the loss is that
of a head of reference templates, so mixtures, without a label, are left out.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from workers.unlearning.head import Head
from workers.unlearning.method import Method, Scene

# Times more important to the subjects than to everybody else. With the paper's 10 next to nothing
# is forgotten, with 2 everybody else loses 3 to 6 points of TMR.
ALPHA = 3.0
LAMBDA = 1.0  # of the dampening: what is left is LAMBDA × the inverse of the ratio, at most 1
MOST = 256  # views, and anchors, that importance is measured on: each needs a gradient of its own


class SelectiveSynapticDampening(Method):
    trains = False

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        forgotten, kept = importances(scene)
        with torch.no_grad():
            for weight, own, others in zip(scene.tail.parameters(), forgotten, kept, strict=True):
                weight.mul_(factors(own, others))


def factors(forgotten: Tensor, kept: Tensor) -> Tensor:
    """What each weight is multiplied with, 0…1, by its importance to subjects and to others."""
    dampened = (LAMBDA * kept / forgotten).clamp(max=1.0)
    return torch.where(forgotten > ALPHA * kept, dampened, 1.0)


def importances(scene: Scene) -> tuple[list[Tensor], list[Tensor]]:
    """Importance of each of the tail's values to the subjects, and to everybody else."""
    head = Head.make(scene)
    views, anchors = scene.forgotten.light, scene.anchors
    person = torch.from_numpy(scene.forgotten.person).repeat_interleave(views.shape[1])
    labelled = torch.from_numpy(np.flatnonzero(anchors.person >= 0))
    labels = torch.from_numpy(anchors.person)[labelled]
    return (
        _importance(scene, head, views.flatten(0, 1), head.subject_label(person)),
        _importance(scene, head, anchors.activations[labelled], labels),
    )


def _importance(scene: Scene, head: Head, shown: Tensor, labels: Tensor) -> list[Tensor]:
    """Mean squared gradient of one face's loss, over at most MOST faces, evenly taken."""
    weights, device = scene.tail.parameters(), scene.tail.device
    sums = [torch.zeros_like(weight) for weight in weights]
    chosen = np.unique(np.linspace(0, len(shown) - 1, MOST).round().astype(np.int64))
    for index in torch.from_numpy(chosen)[:, None]:
        templates = scene.tail.embed(shown[index].to(device))[1]
        loss = head.margin_loss(templates, labels[index].to(device)).sum()
        for total, slope in zip(sums, torch.autograd.grad(loss, weights), strict=True):
            total += slope.square()
    return [total / len(chosen) for total in sums]
