"""Dispersion after M. Zakharov, "Face Identity Unlearning for Retrieval via Embedding Dispersion"
(arXiv 2512.13317, 2025).

Uniform: all pairs of a subject's photos part until their cosines are zero, where they would else
pay for each other. Hard: each photo counts only with the one that it is most similar to.
Departures: random views of the photos at the cut instead of pictures, weights of our own, and
everybody else is held by distilling the anchors' old templates.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from workers.unlearning.method import Batch, Method, Scene

UNIFORM_KEEP = 3.0  # weight of the anchors' staying, per unit of cosine
HARD_KEEP = 10.0


class Zakharov(Method):
    keep: float

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._photos = torch.bincount(torch.from_numpy(scene.forgotten.person))  # (subjects,)
        self._photos = self._photos.to(scene.tail.device)

    def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:  # noqa: ARG002
        moved = 1 - (batch.kept * batch.kept_old).sum(1)
        cosines = batch.forgotten @ batch.forgotten.T
        return {
            "disperse": self.disperse(cosines, self._mated(batch)),
            "keep": self.keep * moved.mean(),
        }

    def disperse(self, cosines: Tensor, mated: Tensor) -> Tensor:
        """(B, B) cosines and which of them count; no pair at all is nothing to disperse."""
        raise NotImplementedError

    def _mated(self, batch: Batch) -> Tensor:
        """(B, B): pairs of two photos of one subject; of two views where there is one photo."""
        alone = self._photos[batch.person] == 1
        other = batch.photo[:, None] != batch.photo[None, :]
        view = alone[:, None] & ~torch.eye(len(alone), dtype=torch.bool, device=alone.device)
        return (batch.person[:, None] == batch.person[None, :]) & (other | view)


class Uniform(Zakharov):
    keep = UNIFORM_KEEP

    def disperse(self, cosines: Tensor, mated: Tensor) -> Tensor:
        return (F.relu(cosines) * mated).sum() / mated.sum().clamp(min=1)


class Hard(Zakharov):
    keep = HARD_KEEP

    def disperse(self, cosines: Tensor, mated: Tensor) -> Tensor:
        paired = mated.any(1)
        hardest = cosines.masked_fill(~mated, -1.0).amax(1)
        return (hardest * paired).sum() / paired.sum().clamp(min=1)
