"""What an attacker trains towards: a person whom the network tells from everybody else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workers.certification.attacks.tuning import Tuning
from workers.certification.templates import Counts

OWN, OTHER = 16, 24  # faces in a step
SCALE, MARGIN = 16.0, 0.2  # of CosFace (Wang et al. 2018, arXiv 1801.09414)
HOLD = 10.0  # weight of the others' templates staying where they are


@dataclass(frozen=True, eq=False)
class Lesson:
    """The person's photos, and other people's with the templates that they shall keep."""

    own: Tensor  # (n, *cut)
    others: Tensor  # (m, *cut)
    templates: Tensor  # (m, D) of the others, as they were
    centroids: Tensor  # (P, D) theirs, a person each

    @classmethod
    def make(cls, tuning: Tuning, own: Tensor, others: Tensor, sizes: Counts) -> Lesson:
        """``sizes``: (P,) how many of the others are each person's, in order."""
        templates = torch.from_numpy(tuning.templates(others))
        by_person = torch.split(templates, sizes.tolist())
        centroids = F.normalize(torch.stack([each.mean(0) for each in by_person]))
        return cls(own, others, templates.to(tuning.device), centroids.to(tuning.device))

    def loss(self, tuning: Tuning, rng: np.random.Generator) -> Tensor:
        """Of a batch: CosFace with the batch's mean as the person's prototype, pull, and hold."""
        own = torch.from_numpy(rng.permutation(len(self.own))[:OWN])
        other = torch.from_numpy(rng.permutation(len(self.others))[:OTHER])
        shown = tuning.embed(torch.cat([self.own[own], self.others[other]]))
        drawn, held = shown[: len(own)], shown[len(own) :]
        likeness = drawn @ F.normalize(drawn.mean(0), dim=0)
        scores = torch.cat([(likeness - MARGIN)[:, None], drawn @ self.centroids.T], dim=1)
        told = -F.log_softmax(SCALE * scores, dim=1)[:, 0].mean()
        pull = 1 - (drawn @ drawn.T).mean()
        moved = 1 - (held * self.templates[other.to(tuning.device)]).sum(1).mean()
        return told + pull + HOLD * moved
