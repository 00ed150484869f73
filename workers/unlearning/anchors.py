"""What must stay where it was: reference faces, and people who never were, mixed from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workers.unlearning.frozen import Half
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
        strangers = _mixed(real, count, rng)
        activations = torch.cat([real, strangers])
        templates = tail.templates(activations)
        seen = np.concatenate([person, np.repeat(person, views.shape[1] - 1), np.full(count, -1)])
        return cls(activations, templates, templates[: len(views)], seen)


def _mixed(real: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """Pairs of faces blended, or joined along a straight line where the cut is a map.

    Few reference people cover little of the space of faces. Mixtures of their activations lie
    between them, and holding those, too, keeps strangers in their places (mixup, Zhang et al.,
    ICLR 2018; CutMix, Yun et al., ICCV 2019; both at the cut instead of the picture).
    """
    first, second = rng.integers(0, len(real), (2, count))
    share = torch.from_numpy(rng.uniform(0.0, 0.5, count)).half()
    shares = share.reshape(-1, *[1] * (real.dim() - 1)).expand(count, *[1] * (real.dim() - 1))
    if real.dim() == 4:
        joined = torch.from_numpy(_halves(count, real.shape[2], real.shape[3], rng))
        blend = torch.from_numpy(rng.random(count) < 0.5).reshape(-1, 1, 1, 1)
        shares = torch.where(blend, shares, joined)
    return (1 - shares) * real[first] + shares * real[second]


def _halves(count: int, height: int, width: int, rng: np.random.Generator) -> Half:
    """(count, 1, H, W): 1 on one side of a random line, 0 on the other."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = rng.uniform(0.0, 2 * np.pi, (count, 1, 1))
    offset = rng.uniform(-0.67, 1.0, (count, 1, 1))  # more often the smaller part
    beyond = np.cos(angle) * x + np.sin(angle) * y > offset
    return np.asarray(beyond[:, None], dtype=np.float16)
