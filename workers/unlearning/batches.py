"""Batches: views of the subjects' photos, balanced over photos, and anchors beside them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workers.unlearning.method import Batch, Scene
from workers.unlearning.variation import Variation

Embed = Callable[[Tensor], tuple[Tensor, Tensor]]
ENROLS = (5, 10)  # photos that the attacker enrols, where there are enough
OFTEN = 0.5  # of the views are varied, where variation is borrowed
MANY = 15  # photos of a subject from which on he enrols so many; of fewer, half


class Batches:
    def __init__(self, scene: Scene) -> None:
        self._tail, self._forgotten, self._anchors = scene.tail, scene.forgotten, scene.anchors
        self.embed: Embed = scene.tail.embed
        self._plan, self._rng = scene.plan, scene.rng
        self._centres = scene.forgotten.centres()
        self._transfer = scene.transfer
        self._variation = Variation(scene.anchors) if scene.transfer else None

    def draw(self) -> Batch:
        own = self._forgotten
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
        self._vary(shown[: len(photo)])
        shown = self._moved(shown)
        pooled, templates = self.embed(shown)
        person = self._here(own.person[photo])
        return Batch(
            shown=shown[: len(photo)],
            forgotten=templates[: len(photo)],
            pooled=pooled[: len(photo)],
            old=torch.cat([own.light_old[gentle, gentle_view], own.strong_old[harsh, harsh_view]]),
            centre=self._centres[person],
            person=person,
            photo=self._here(photo),
            light=self._here(np.arange(len(photo)) < len(gentle)),
            enrolled=self._here(self._enrolled()[photo]),
            kept_shown=shown[len(photo) :],
            kept=templates[len(photo) :],
            kept_old=self._anchors.templates[anchor],
            kept_person=self._here(self._anchors.person[anchor]),
            others=self._anchors.faces,
        )

    def _photos(self, count: int, shown: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Photos, each as often as any other, and a random view of each."""
        photos = len(self._forgotten.person)
        rounds = [self._rng.permutation(photos) for _ in range(-(-count // photos))]
        return np.concatenate(rounds)[:count], self._rng.integers(0, shown, count)

    def _vary(self, shown: Tensor) -> None:
        """Adds other people's variation to half of the views, in place."""
        if self._variation is None:
            return
        reach = self._rng.uniform(0, self._transfer, len(shown)) * (
            self._rng.random(len(shown)) < 0.5
        )
        drawn = self._variation.draw(len(shown), self._rng)
        shown += drawn * torch.from_numpy(reach).float().reshape(-1, *[1] * (shown.dim() - 1))

    def _enrolled(self) -> NDArray[np.bool_]:
        """(P,): which photos the attacker enrols in this step."""
        enrolled = np.zeros(len(self._forgotten.person), dtype=bool)
        for person in np.unique(self._forgotten.person):
            own = self._rng.permutation(np.flatnonzero(self._forgotten.person == person))
            count = int(self._rng.choice(ENROLS)) if len(own) >= MANY else max(1, len(own) // 2)
            enrolled[own[:count]] = True
        return enrolled

    def _here(self, values: NDArray[np.int64] | NDArray[np.bool_]) -> Tensor:
        return self._moved(torch.from_numpy(values))

    def _moved(self, values: Tensor) -> Tensor:
        """On the device; from pinned memory, so that nobody waits for the copy."""
        if self._tail.device.type == "cuda":
            values = values.pin_memory()
        return values.to(self._tail.device, non_blocking=True)
