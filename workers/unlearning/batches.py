"""Batches: views of the subjects' photos, balanced over photos, and anchors beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from storage.images import Pixels
from workers.recognizer import CutPoint, Recognizer
from workers.unlearning.anchors import Anchors
from workers.unlearning.augmentation import LIGHT, STRONG, views
from workers.unlearning.dispersion import Batch
from workers.unlearning.frozen import at_cut
from workers.unlearning.plan import Plan
from workers.unlearning.tail import Tail

ENROLS = (5, 10)  # photos that the attacker enrols, where there are enough
MANY = 15  # photos of a subject from which on he enrols so many; of fewer, half


@dataclass(frozen=True, eq=False)
class Forgotten:
    """The subjects' photos at the cut, in views, and where the network as it was puts them."""

    light: Tensor  # (P, V, *cut); the first view is the photo itself
    strong: Tensor  # (P, W, *cut)
    light_old: Tensor  # (P, V, D)
    strong_old: Tensor  # (P, W, D)
    person: NDArray[np.int64]  # (P,)

    @classmethod
    def make(
        cls,
        recognizer: Recognizer,
        cut: CutPoint,
        tail: Tail,
        subjects: Sequence[Pixels],
        plan: Plan,
    ) -> Forgotten:
        photos = np.concatenate(subjects)
        gentle = views(photos, plan.light_views, plan.seed, LIGHT)
        harsh = views(photos, plan.strong_views, plan.seed, STRONG)
        light = _at_cut(recognizer, cut, np.concatenate([photos[:, None], gentle], axis=1))
        strong = _at_cut(recognizer, cut, harsh)
        return cls(
            light,
            strong,
            tail.templates(light.flatten(0, 1)).reshape(*light.shape[:2], -1),
            tail.templates(strong.flatten(0, 1)).reshape(*strong.shape[:2], -1),
            np.repeat(np.arange(len(subjects)), [len(crops) for crops in subjects]),
        )

    def centres(self) -> Tensor:
        """(subjects, D): each subject's mean old template, unit length."""
        own = [
            self.light_old[self.person == number, 0].mean(0) for number in np.unique(self.person)
        ]
        return F.normalize(torch.stack(own))


def _at_cut(recognizer: Recognizer, cut: CutPoint, crops: Pixels) -> Tensor:
    return torch.from_numpy(at_cut(recognizer, cut, crops))


class Batches:
    def __init__(
        self,
        tail: Tail,
        forgotten: Forgotten,
        anchors: Anchors,
        plan: Plan,
        rng: np.random.Generator,
    ) -> None:
        self._tail, self._forgotten, self._anchors = tail, forgotten, anchors
        self._plan, self._rng = plan, rng
        self._centres = forgotten.centres()

    def draw(self) -> Batch:
        own, tail = self._forgotten, self._tail
        gentle, gentle_view = self._photos(self._plan.light_batch, own.light.shape[1])
        harsh, harsh_view = self._photos(self._plan.strong_batch, own.strong.shape[1])
        anchor = self._rng.integers(0, len(self._anchors.activations), self._plan.reference_batch)
        shown = torch.cat(
            [
                own.light[gentle, gentle_view],
                own.strong[harsh, harsh_view],
                self._anchors.activations[anchor],
            ]
        )
        photo = np.concatenate([gentle, harsh])
        pooled, templates = tail.embed(shown.to(tail.device, non_blocking=True))
        person = self._here(own.person[photo])
        return Batch(
            forgotten=templates[: len(photo)],
            pooled=pooled[: len(photo)],
            old=torch.cat([own.light_old[gentle, gentle_view], own.strong_old[harsh, harsh_view]]),
            centre=self._centres[person],
            person=person,
            photo=self._here(photo),
            light=self._here(np.arange(len(photo)) < len(gentle)),
            enrolled=self._here(self._enrolled()[photo]),
            kept=templates[len(photo) :],
            kept_old=self._anchors.templates[anchor],
            others=self._anchors.faces,
        )

    def _photos(self, count: int, shown: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Photos, each as often as any other, and a random view of each."""
        photos = len(self._forgotten.person)
        rounds = [self._rng.permutation(photos) for _ in range(-(-count // photos))]
        return np.concatenate(rounds)[:count], self._rng.integers(0, shown, count)

    def _enrolled(self) -> NDArray[np.bool_]:
        """(P,): which photos the attacker enrols in this step."""
        enrolled = np.zeros(len(self._forgotten.person), dtype=bool)
        for person in np.unique(self._forgotten.person):
            own = self._rng.permutation(np.flatnonzero(self._forgotten.person == person))
            count = int(self._rng.choice(ENROLS)) if len(own) >= MANY else max(1, len(own) // 2)
            enrolled[own[:count]] = True
        return enrolled

    def _here(self, values: NDArray[np.int64] | NDArray[np.bool_]) -> Tensor:
        return torch.from_numpy(values).to(self._tail.device)
