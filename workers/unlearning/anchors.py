"""What must stay where it was: reference faces, and people who never were, mixed from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workers.unlearning.frozen import Half
from workers.unlearning.mixtures import strangers
from workers.unlearning.tail import Tail

MOST_MIXED = 6000  # mixtures of strangers: past so many, more hold nobody better


@dataclass(frozen=True, eq=False)
class Anchors:
    activations: Tensor  # (M, *cut) half precision
    templates: Tensor  # (M, D) by the network as it was
    faces: Tensor  # (N, D) the templates of the reference faces themselves
    person: NDArray[np.int64]  # (M,) number of the reference person; -1 for a mixture

    @classmethod
    def make(
        cls, tail: Tail, reference: Half, person: NDArray[np.int64], rng: np.random.Generator
    ) -> Anchors:
        """``reference``: (N, V, *cut), each face first as itself; ``person``: (N,)."""
        views = torch.from_numpy(reference)
        real = torch.cat([views[:, 0], views[:, 1:].flatten(0, 1)])
        count = min(2 * len(real), MOST_MIXED)
        activations = torch.cat([real, strangers(real, count, rng)])
        templates = tail.templates(activations)
        seen = np.concatenate([person, np.repeat(person, views.shape[1] - 1), np.full(count, -1)])
        return cls(activations, templates, templates[: len(views)], seen)

    def joined(self, activations: Tensor, templates: Tensor) -> Anchors:
        """With people who never were, (K, *cut), and where the network as it was puts them."""
        return Anchors(
            torch.cat([self.activations, activations]),
            torch.cat([self.templates, templates]),
            self.faces,
            np.concatenate([self.person, np.full(len(activations), -1)]),
        )
