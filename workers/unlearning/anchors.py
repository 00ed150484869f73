"""What must stay where it was: reference faces, and people who never were, mixed from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workers.unlearning.forgotten import Forgotten
from workers.unlearning.frozen import Half
from workers.unlearning.tail import Tail

MOST_MIXED = 6000  # mixtures of strangers: past so many, more hold nobody better
ALIKE = 0.4  # cosine to the subject below which a mixture is somebody else


@dataclass(frozen=True, eq=False)
class Anchors:
    activations: Tensor  # (M, *cut) half precision
    templates: Tensor  # (M, D) by the network as it was
    faces: Tensor  # (N, D) the templates of the reference faces themselves

    @classmethod
    def make(
        cls, tail: Tail, reference: Half, forgotten: Forgotten, rng: np.random.Generator
    ) -> Anchors:
        """``reference``: (N, V, *cut), each face first as itself."""
        views = torch.from_numpy(reference)
        real = torch.cat([views[:, 0], views[:, 1:].flatten(0, 1)])
        count = min(2 * len(real), MOST_MIXED)
        strangers = _mixed(real, real, count, rng)
        alike = _mixed(real, forgotten.light.flatten(0, 1), count // 2, rng)
        templates = tail.templates(torch.cat([real, strangers, alike]))
        others = len(real) + len(strangers)
        # A mixture that the old network took for the subject is one, and must go as well.
        nearest = (templates[others:] @ forgotten.centres().T).amax(1).cpu()
        kept = torch.cat([torch.ones(others, dtype=torch.bool), nearest < ALIKE])
        activations = torch.cat([real, strangers, alike])[kept]
        return cls(activations, templates[kept.to(templates.device)], templates[: len(views)])


def _mixed(first: Tensor, second: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """Faces of ``first`` blended with up to half of one of ``second``, or joined along a line.

    Few reference people cover little of the space of faces. Mixtures of their activations lie
    between them, and holding those, too, keeps strangers in their places; mixed with the subject's,
    they are people who look alike (mixup, Zhang et al., ICLR 2018; CutMix, Yun et al., ICCV 2019;
    both at the cut instead of the picture).
    """
    mine, other = rng.integers(0, len(first), count), rng.integers(0, len(second), count)
    share = torch.from_numpy(rng.uniform(0.0, 0.5, count)).half()
    shares = share.reshape(-1, *[1] * (first.dim() - 1)).expand(count, *[1] * (first.dim() - 1))
    if first.dim() == 4:
        joined = torch.from_numpy(_halves(count, first.shape[2], first.shape[3], rng))
        blend = torch.from_numpy(rng.random(count) < 0.5).reshape(-1, 1, 1, 1)
        shares = torch.where(blend, shares, joined)
    return (1 - shares) * first[mine] + shares * second[other]


def _halves(count: int, height: int, width: int, rng: np.random.Generator) -> Half:
    """(count, 1, H, W): 1 on one side of a random line, 0 on the other."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = rng.uniform(0.0, 2 * np.pi, (count, 1, 1))
    offset = rng.uniform(-0.67, 1.0, (count, 1, 1))  # more often the smaller part
    beyond = np.cos(angle) * x + np.sin(angle) * y > offset
    return np.asarray(beyond[:, None], dtype=np.float16)
