"""The subjects' photos at the cut, in views: what is to scatter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from workers.recognizer import CutPoint, Recognizer
from workers.unlearning.augmentation import LIGHT, STRONG, views
from workers.unlearning.frozen import at_cut
from workers.unlearning.plan import Plan
from workers.unlearning.tail import Tail

if TYPE_CHECKING:
    from storage.uploads.images import Pixels


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

    def only(self, photos: NDArray[np.bool_]) -> Forgotten:
        """Some of the photos, (P,), of which each subject must have one."""
        which = torch.from_numpy(photos)
        return Forgotten(
            self.light[which],
            self.strong[which],
            self.light_old[which.to(self.light_old.device)],
            self.strong_old[which.to(self.strong_old.device)],
            self.person[photos],
        )

    def views(self) -> Tensor:
        """(P · (V + W), *cut): all of them."""
        return torch.cat([self.light.flatten(0, 1), self.strong.flatten(0, 1)])

    def centres(self) -> Tensor:
        """(subjects, D): each subject's mean old template, unit length."""
        own = [
            self.light_old[self.person == number, 0].mean(0) for number in np.unique(self.person)
        ]
        return F.normalize(torch.stack(own))


def _at_cut(recognizer: Recognizer, cut: CutPoint, crops: Pixels) -> Tensor:
    return torch.from_numpy(at_cut(recognizer, cut, crops))
