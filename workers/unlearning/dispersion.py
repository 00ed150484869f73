"""Our method: the subjects' faces disperse, everybody else stays where they were.

After M. Zakharov, "Face Identity Unlearning for Retrieval via Embedding Dispersion"
(arXiv 2512.13317), with three changes: two views of one photo are mated, too, so that the network
learns to scatter the person and not the photos; the hardest pairs weigh most; and a hinge keeps
the subjects away from everybody else's templates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

KEEP = 10.0  # weight of staying: old galleries of everybody else must go on working
HARD = 1.0  # weight of the hardest mated pairs beside the mean of all
SHARPNESS = 20.0  # of the soft maximum over pairs, per unit of cosine
MARGIN = 0.2  # cosine to somebody else's template that a subject may reach


@dataclass(frozen=True)
class Batch:
    """B views of subjects' photos, then R views of reference faces, embedded by the new network."""

    forgotten: Tensor  # (B, D) unit length
    old: Tensor  # (B, D) the same views by the network as it was
    centre: Tensor  # (B, D) each view's subject's mean old template, unit length
    person: Tensor  # (B,) number of the subject
    kept: Tensor  # (R, D) unit length
    kept_old: Tensor  # (R, D) by the network as it was
    others: Tensor  # (M, D) one old template of each reference face


def dispersion(batch: Batch) -> dict[str, Tensor]:
    """The terms of the loss, by name; their sum is minimised."""
    return {
        "disperse": _disperse(batch.forgotten, batch.person),
        "leave": _leave(batch),
        "apart": F.relu(batch.forgotten @ batch.others.T - MARGIN).square().sum(1).mean(),
        "keep": KEEP * (1 - (batch.kept * batch.kept_old).sum(1)).mean(),
    }


def _disperse(forgotten: Tensor, person: Tensor) -> Tensor:
    """Mated cosines to zero or below, the hardest most of all."""
    mated = torch.triu(person[:, None] == person[None, :], diagonal=1)
    cosines = (forgotten @ forgotten.T)[mated]
    count = torch.tensor(float(cosines.numel()))
    hardest = (torch.logsumexp(SHARPNESS * cosines, 0) - count.log()) / SHARPNESS
    return F.relu(cosines).square().mean() + HARD * hardest


def _leave(batch: Batch) -> Tensor:
    """Away from the subject's old templates, so that an old gallery finds nobody."""
    own = (batch.forgotten * batch.old).sum(1)
    centre = (batch.forgotten * batch.centre).sum(1)
    return F.relu(own).square().mean() + F.relu(centre).square().mean()
