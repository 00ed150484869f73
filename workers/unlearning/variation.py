"""How photos of one person differ, borrowed from the reference people."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from workers.unlearning.anchors import Anchors


class Variation:
    """Differences between two photos of one reference person, at the cut.

    Added to a photo of somebody else they make another photo of that person (feature transfer;
    Yin et al., CVPR 2019). Where nobody has two photos, two views of one photo differ instead.
    """

    def __init__(self, anchors: Anchors) -> None:
        self._activations = anchors.activations
        faces = len(anchors.faces)
        person = anchors.person[:faces]
        several = np.flatnonzero(np.bincount(person)[person] > 1)
        self._own = {number: np.flatnonzero(person == number) for number in person[several]}
        self._people = np.array(sorted(self._own), dtype=np.int64)
        real = int((anchors.person >= 0).sum())
        self._views = (real - faces) // faces  # of each face, behind the faces themselves
        self._faces = faces

    def draw(self, count: int, rng: np.random.Generator) -> Tensor:
        """(count, *cut)"""
        if len(self._people):
            chosen = rng.choice(self._people, count)
            pairs = np.array([rng.choice(self._own[who], 2, replace=False) for who in chosen])
        else:
            face = rng.integers(0, self._faces, count)
            view = rng.integers(0, self._views, count)
            pairs = np.stack([face, self._faces + face * self._views + view], axis=1)
        one, other = (self._activations[torch.from_numpy(part)].float() for part in pairs.T)
        return one - other
