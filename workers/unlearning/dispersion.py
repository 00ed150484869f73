"""Our method: the subjects' faces disperse, everybody else stays where they were.

After M. Zakharov, "Face Identity Unlearning for Retrieval via Embedding Dispersion"
(arXiv 2512.13317), and further: two views of one photo are mated, too, so that the network learns
to scatter the person and not the photos; the hardest pairs weigh most; the features before the
last layer scatter as well; an attacker in the loop enrols some photos and searches with others;
and a hinge keeps the subjects away from everybody else's templates.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from workers.unlearning.method import Batch, Method

KEEP = 160.0  # weight of staying: old galleries of everybody else must go on working
SHARED = 0.7  # at 0 ten subjects are hardly forgotten, at 1 four cost others too much
LEAVE = 2.0  # weight of leaving the subjects' old templates
FURTHEST = 0.5  # weight of the reference faces that moved furthest
SHARPNESS = 20.0  # of the soft maximum over pairs, per unit of cosine
MARGIN = 0.3  # cosine to somebody else's template that a subject may reach


class Dispersion(Method):
    def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:  # noqa: ARG002
        # Each subject's pairs weigh less, the more subjects share the batch; so must keeping.
        subjects = len(self.scene.forgotten.centres())
        return dispersion(batch, KEEP / subjects**SHARED)


def dispersion(batch: Batch, keep: float = KEEP, leave: float = LEAVE) -> dict[str, Tensor]:
    mated = torch.triu(batch.person[:, None] == batch.person[None, :], diagonal=1)
    both_light = batch.light[:, None] & batch.light[None, :]
    real = mated & both_light & (batch.photo[:, None] != batch.photo[None, :])
    cosines = batch.forgotten @ batch.forgotten.T
    pooled = batch.pooled @ batch.pooled.T
    return {
        "disperse": _spread(cosines[mated]) + _spread(cosines[real]) + _mean(cosines[real]),
        "pooled": _spread(pooled[mated]) + _mean(pooled[real]),
        "attack": _attack(batch),
        "leave": leave * _leave(batch),
        "apart": F.relu(batch.forgotten @ batch.others.T - MARGIN).square().sum(1).mean(),
        "keep": keep * _keep(1 - (batch.kept * batch.kept_old).sum(1)),
    }


def _spread(cosines: Tensor) -> Tensor:
    """Mated cosines to zero or below, the hardest most of all."""
    if not len(cosines):
        return cosines.sum()
    hardest = torch.logsumexp(SHARPNESS * cosines, 0) - math.log(len(cosines))
    return F.relu(cosines).square().mean() + hardest / SHARPNESS


def _mean(cosines: Tensor) -> Tensor:
    return cosines.mean() if len(cosines) else cosines.sum()


def _keep(moved: Tensor) -> Tensor:
    """Everybody else stays, above all the quarter that moved furthest."""
    furthest = moved.topk(max(1, len(moved) // 4)).values
    return moved.mean() + FURTHEST * furthest.mean()


def _attack(batch: Batch) -> Tensor:
    """Centroids of some of a subject's photos must not find the others."""
    found = []
    for person in torch.unique(batch.person):
        own = (batch.person == person) & batch.light
        enrolled, probes = own & batch.enrolled, own & ~batch.enrolled
        if enrolled.any() and probes.any():
            centroid = F.normalize(batch.forgotten[enrolled].mean(0), dim=0)
            found.append(F.relu(batch.forgotten[probes] @ centroid).square().mean())
    return torch.stack(found).mean() if found else batch.forgotten.sum() * 0


def _leave(batch: Batch) -> Tensor:
    """Away from the subject's old templates, so that an old gallery finds nobody."""
    own = (batch.forgotten * batch.old).sum(1)
    centre = (batch.forgotten * batch.centre).sum(1)
    return F.relu(own).square().mean() + F.relu(centre).square().mean()
