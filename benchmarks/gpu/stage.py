"""What an erasure works on, made a few hundred faces at a time.

The parts are the worker's; they are put together here as ``workers.unlearning.loop`` does it, but
the reference faces are drawn, embedded and dropped in pieces, and what is kept of them, their
activations at the cut, is written where it stays.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.gpu import faces
from benchmarks.gpu.network import Network, through
from workers.unlearning.anchors import MOST_MIXED, Anchors
from workers.unlearning.forgotten import Forgotten
from workers.unlearning.method import Scene
from workers.unlearning.mixtures import strangers
from workers.unlearning.plan import Plan
from workers.unlearning.tail import Tail

PHOTOS = 20  # of the subject
SUBJECT = 0  # the person's number
VIEWS = 2  # of each reference face, beside the face itself


class Activations:
    """At the cut, in half precision on the host, as the worker keeps them."""

    def __init__(self, network: Network, device: torch.device, *, half: bool) -> None:
        self._network, self._device, self._half = network, device, half
        self._module = network.on(device)

    def of(self, crops: Tensor) -> Tensor:
        """(N, 3, S, S) uint8 → (N, *cut)."""
        cut = self._network.cut.tensor
        found = through(self._module, cut, crops, self._device, half=self._half)
        return torch.cat([batch.half().cpu() for batch in found])

    def subject(self, photos: int, plan: Plan) -> tuple[Tensor, Tensor]:
        """(P, 1 + light, *cut) and (P, strong, *cut)."""
        crops = faces.photos(SUBJECT, photos)
        light = torch.cat([crops[:, None], faces.views(crops, plan.light_views, 1)], 1)
        strong = faces.views(crops, plan.strong_views, 2)
        one, other = (self.of(shown.flatten(0, 1)) for shown in (light, strong))
        return _by_photo(one, len(light)), _by_photo(other, len(strong))

    def reference(self, count: int, plan: Plan) -> tuple[Tensor, NDArray[np.int64]]:
        """(M, *cut): the faces, their views, mixtures; and (M,) whose they are, −1 for nobody's."""
        real = (1 + VIEWS) * count
        mixed = min(2 * real, MOST_MIXED)
        kept = torch.empty((real + mixed, *self._network.cut.shape), dtype=torch.float16)
        person = np.full(real + mixed, -1, dtype=np.int64)
        done = 0
        for crops, who in faces.people(count):
            stop = done + len(crops)
            shown = faces.views(crops, VIEWS, done).flatten(0, 1)
            first, last = count + VIEWS * done, count + VIEWS * stop
            kept[done:stop], kept[first:last] = self.of(crops), self.of(shown)
            person[done:stop], person[first:last] = who, who.repeat_interleave(VIEWS)
            done = stop
        kept[real:] = strangers(kept[:real], mixed, np.random.default_rng(plan.seed))
        return kept, person


def set_stage(
    network: Network,
    tail: Tail,
    subject: tuple[Tensor, Tensor],
    reference: tuple[Tensor, NDArray[np.int64]],
    count: int,
    plan: Plan,
) -> Scene:
    """The scene of one subject and ``count`` reference faces."""
    light, strong = subject
    activations, person = reference
    light_old, strong_old = (_by_photo(tail.templates(v.flatten(0, 1)), len(v)) for v in subject)
    person_forgotten = np.zeros(len(light), dtype=np.int64)
    forgotten = Forgotten(light, strong, light_old, strong_old, person_forgotten)
    templates = tail.templates(activations)
    anchors = Anchors(activations, templates, templates[:count], person)
    rng = np.random.default_rng(plan.seed)
    return Scene(network.recognizer, network.cut, tail, forgotten, anchors, plan, rng)


def _by_photo(rows: Tensor, photos: int) -> Tensor:
    """(P · V, …) → (P, V, …)"""
    return rows.reshape(photos, -1, *rows.shape[1:])
