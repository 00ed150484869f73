"""SCRUB: a student that disobeys its teacher on the subjects and obeys it on everybody else.

M. Kurmanji, P. Triantafillou, J. Hayes and E. Triantafillou, "Towards Unbounded Machine
Unlearning" (NeurIPS 2023, arXiv 2302.09880).

Max steps drive the logits of the subjects' views away from those of the network as it was (KL
divergence); min steps bring everybody else's back to them, and to their labels. They alternate,
and the last part of the run has min steps alone. Departures: logits come from a head of reference
templates; a view counts no more once its divergence is above that of a guess, BOUND times; and as
few classes leave most of a template free, min steps hold the anchors' templates, too.
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from workers.unlearning.head import Head
from workers.unlearning.method import Batch, Method, Scene

FIRST_PART = 0.6  # of the run, in which there are max steps
MAX_EVERY = 2  # steps: one of them is a max step; one in 5 was too few
BOUND = 2.0  # times ln(classes); without it all views end in one place, nearer than before
DISTIL = 1.0  # weight of the teacher's logits in a min step
TASK = 1.0  # weight of the labels in a min step
KEEP = 80.0  # weight of the teacher's templates in a min step


class Scrub(Method):
    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.head = Head.make(scene)
        self._most = BOUND * math.log(self.head.classes)

    def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:
        step = round(done * self.scene.plan.steps)  # 1 is the first; a resumed run goes on in turn
        if done <= FIRST_PART and step % MAX_EVERY == 1:
            disobeyed = self._divergence(batch.forgotten, batch.old)
            return {"max": -disobeyed.clamp(max=self._most).mean()}
        return {
            "distil": DISTIL * self._divergence(batch.kept, batch.kept_old).mean(),
            "task": TASK * self.head.reference_loss(batch),
            "keep": KEEP * (1 - (batch.kept * batch.kept_old).sum(1)).mean(),
        }

    def _divergence(self, student: Tensor, teacher: Tensor) -> Tensor:
        """(N, D) templates → (N,) KL(teacher ‖ student) of their classes, in nats."""
        told = F.log_softmax(self.head.logits(teacher), 1)
        said = F.log_softmax(self.head.logits(student), 1)
        return F.kl_div(said, told, reduction="none", log_target=True).sum(1)
