"""Boundary shrink: each view of a subject takes the label of its nearest wrong class.

M. Chen, W. Gao, G. Liu, K. Peng and C. Wang, "Boundary Unlearning: Rapid Forgetting of Deep
Networks via Shifting the Decision Boundary" (CVPR 2023, arXiv 2303.11570).

A step up the loss (FGSM) of what the tail is shown finds the class behind the nearest boundary, and
the view is trained to it. Departures: the step is in the activations at the cut, not in the
picture; it's taken in the network as it is now, not as it was; the classes are reference people,
by their templates; and anchors are held by distillation, where the paper uses no other data.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from workers.unlearning.head import Head
from workers.unlearning.method import Batch, Method, Scene

STEP = 0.5  # of FGSM, in standard deviations of the activations at the cut
KEEP = 80.0  # weight of the anchors' distance from their old templates; at 0 all faces collapse


class BoundaryShrink(Method):
    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.head = Head.make(scene)

    def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:  # noqa: ARG002
        logits = self.head.logits(batch.forgotten)
        moved = 1 - (batch.kept * batch.kept_old).sum(1)
        return {
            "shrink": F.cross_entropy(logits, self.nearest_wrong(batch)),
            "keep": KEEP * moved.mean(),
        }

    def nearest_wrong(self, batch: Batch) -> Tensor:
        """(B,): the reference person behind the nearest boundary; never a subject."""
        shown = batch.shown.detach().float().requires_grad_()
        own = self.head.subject_label(batch.person)
        loss = self.head.margin_loss(self.scene.tail.embed(shown)[1], own).sum()
        (uphill,) = torch.autograd.grad(loss, shown)
        with torch.no_grad():
            beyond = shown + STEP * shown.std() * uphill.sign()
            logits = self.head.logits(self.scene.tail.embed(beyond)[1])
        return self.head.masked(logits).argmax(1)
