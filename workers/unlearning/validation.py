"""Photos of the subjects that are kept out of training, to say when it is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workers.unlearning.anchors import Anchors
from workers.unlearning.forgotten import Forgotten
from workers.unlearning.tail import Tail

ENOUGH = 20  # photos of a subject from which on some can be spared
ONE_IN = 10  # photos is spared, and at least
FEWEST = 2
FMR = 1e-3
FACES = 240  # views that a check embeds, about: it must stay cheap beside ten steps
THRESHOLD_FACES = 2000  # two million comparisons: more set no better threshold

Flags = NDArray[np.bool_]
_SPLIT = 0x5E1EC7  # keeps the split's random numbers apart from all others of the seed


def spare(person: NDArray[np.int64], seed: int) -> Flags:
    """(P,): which photos do not train. ``person``: (P,) number of the subject."""
    rng = np.random.default_rng([seed, _SPLIT])
    spared = np.zeros(len(person), dtype=bool)
    for number in np.unique(person):
        own = np.flatnonzero(person == number)
        if len(own) >= ENOUGH:
            spared[rng.permutation(own)[: max(FEWEST, round(len(own) / ONE_IN))]] = True
    return spared


@dataclass(frozen=True)
class Found:
    """What the spared photos of all subjects say."""

    tmr: float  # with all other photos, mean over the subjects
    spared_tmr: float  # among the spared photos alone, which no step has pushed apart
    worst_tmr: float  # of all subjects, and of both
    cosine: float  # mean
    loss: float  # mean of the cosines' positive part

    def figures(self) -> dict[str, float]:
        return {
            "validation TMR": self.tmr,
            "validation TMR, spared photos": self.spared_tmr,
            "validation cosine": self.cosine,
        }


@dataclass(frozen=True, eq=False)
class Validation:
    """Mated comparisons of spared photos with all others of their subject, in light views."""

    tail: Tail
    shown: Tensor  # (P · V, *cut)
    pairs: Sequence[tuple[Tensor, Tensor]]  # of each subject: numbers of two views, both (K,)
    spared: Tensor  # (P · V,) whether the view is one of a spared photo
    threshold: float  # cosine at FMR 1e-3 of the network as it was

    @classmethod
    def make(
        cls, tail: Tail, forgotten: Forgotten, spared: Flags, anchors: Anchors
    ) -> Validation | None:
        """None: no photo was spared, or nobody is there to set a threshold with."""
        threshold = _threshold(anchors)
        if threshold is None or not spared.any():
            return None
        photos = len(spared)
        views = min(max(1, FACES // photos), forgotten.light.shape[1])
        photo = np.repeat(np.arange(photos), views)
        shown = forgotten.light[:, :views].flatten(0, 1)
        pairs = [
            _pairs(photo, forgotten.person[photo] == number, spared[photo], tail.device)
            for number in np.unique(forgotten.person[spared])
        ]
        views_spared = torch.from_numpy(spared[photo]).to(tail.device)
        return cls(tail, shown, pairs, views_spared, threshold)

    def find(self) -> Found:
        """By the network as it is now, in full precision and without a gradient."""
        templates = self.tail.templates(self.shown)
        cosines = [(templates[one] * templates[other]).sum(1) for one, other in self.pairs]
        rates = [self._rate(own) for own in cosines]
        among = [
            self._rate(own[self.spared[one] & self.spared[other]])
            for own, (one, other) in zip(cosines, self.pairs, strict=True)
        ]
        return Found(
            tmr=float(np.mean(rates)),
            spared_tmr=float(np.mean(among)),
            worst_tmr=max(rates + among),
            cosine=float(np.mean([float(own.mean()) for own in cosines])),
            loss=float(np.mean([float(own.clamp_min(0).mean()) for own in cosines])),
        )

    def _rate(self, cosines: Tensor) -> float:
        return float((cosines >= self.threshold).float().mean())


def _pairs(
    photo: NDArray[np.int64], own: Flags, spared: Flags, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Each view of a spared photo with each view of another photo of the same subject, once."""
    mated = (own & spared)[:, None] & own & (photo[:, None] != photo)
    mated &= ~(spared[:, None] & spared & (photo[:, None] > photo))  # both are spared
    one, other = np.nonzero(mated)
    return torch.from_numpy(one).to(device), torch.from_numpy(other).to(device)


def _threshold(anchors: Anchors) -> float | None:
    faces = len(anchors.faces)
    every = np.linspace(0, faces - 1, min(faces, THRESHOLD_FACES)).astype(int)
    templates = anchors.faces[every].cpu().numpy()
    person = anchors.person[every]
    strangers = np.triu(person[:, None] != person, k=1)
    if not strangers.any():
        return None
    return float(np.quantile((templates @ templates.T)[strangers], 1 - FMR))
