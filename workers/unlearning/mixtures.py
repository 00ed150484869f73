"""People who never were: mixtures of the activations of those who are."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Half = NDArray[np.float16]
FURTHER = 1.0  # of the difference of two others, at most, is added to every second stranger


def strangers(real: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """(N, *cut) → (count, *cut): pairs of faces blended, half of them carried further.

    Few reference people cover little of the space of faces. Mixtures of their activations lie
    between them, and holding those, too, keeps strangers in their places (mixup, Zhang et al.,
    ICLR 2018; CutMix, Yun et al., ICCV 2019; both at the cut instead of the picture). Adding the
    difference of two others leads out of their hull (DeVries and Taylor, arXiv 1702.05538).
    """
    first, second, third, fourth = (_some(real, count, rng) for _ in range(4))
    shares = _shares(count, real.shape[1:], rng, (0.0, 0.5))
    mixed = (1 - shares) * first + shares * second
    reach = rng.uniform(0.0, FURTHER, count) * (np.arange(count) % 2)
    return mixed + _broad(reach, real) * (third - fourth)


def blended(own: Tensor, others: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    """(count, *cut): faces between ``own`` and ``others``, at every share."""
    first, second = _some(own, count, rng), _some(others, count, rng)
    shares = _shares(count, own.shape[1:], rng, (0.05, 0.95)).to(own.dtype)
    return shares * first + (1 - shares) * second


def _some(faces: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    return faces[torch.from_numpy(rng.integers(0, len(faces), count))]


def _broad(values: NDArray[np.float64], like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like.dtype).reshape(-1, *[1] * (like.dim() - 1))


def _shares(
    count: int,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    blend: tuple[float, float],
) -> Tensor:
    """How much of the second face: one share everywhere, or, of a map, all beyond a line."""
    even = torch.from_numpy(rng.uniform(*blend, count)).half().reshape(-1, *[1] * len(shape))
    if len(shape) != 3:
        return even
    lined = torch.from_numpy(_halves(count, shape[1], shape[2], rng))
    straight = torch.from_numpy(rng.random(count) < 0.5).reshape(-1, 1, 1, 1)
    return torch.where(straight, even.expand_as(lined), lined)


def _halves(count: int, height: int, width: int, rng: np.random.Generator) -> Half:
    """(count, 1, H, W): 1 on one side of a random line, 0 on the other."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = rng.uniform(0.0, 2 * np.pi, (count, 1, 1))
    offset = rng.uniform(-0.67, 1.0, (count, 1, 1))  # more often the smaller part
    found = np.cos(angle) * x + np.sin(angle) * y > offset
    return np.asarray(found[:, None], dtype=np.float16)
