"""A recogniser's last blocks trained by any loss, as quickly as tests need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workers.certification.templates import Crops, Templates
from workers.recognizer import CutPoint, Recognizer

MACS = 1_000_000  # multiply-adds a face of what trains: a second is some 30 steps
BATCH = 40  # of the subject's photos and of other people's, in a step
LEARNING_RATE = 2e-3  # Adam; it falls to nothing
HOLD = 20.0  # weight of other people's templates staying where they are
AWAY = 0.35  # the similarity to other people's photos that costs nothing

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""New templates (b, D), the same photos' old ones, other people's old ones (m, D) → a number."""


def train(
    recognizer: Recognizer,
    loss: Loss,
    own: Crops,
    others: Crops,
    *,
    steps: int,
    hold: float = HOLD,
) -> Mapping[str, Templates]:
    """Weights with which ``loss`` of ``own`` falls while ``others`` are held in place."""
    module = recognizer.module()
    cut = _cut(recognizer)
    free = [module.weights[name] for name in cut.parameters]
    for weight in module.weights.values():
        weight.requires_grad_(any(weight is each for each in free))
    optimizer = torch.optim.Adam(free, lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    photos, kept = (_Photos(recognizer, cut, crops) for crops in (own, others))
    rng = np.random.default_rng(0)
    for _ in range(steps):
        drawn, held = photos.draw(rng), kept.draw(rng)
        shown = torch.cat([photos.features[drawn], kept.features[held]])
        output = recognizer.output_name
        new = F.normalize(module.run({cut.tensor: shown}, [output])[output].flatten(1))
        moved = 1 - (new[len(drawn) :] * kept.before[held]).sum(1).mean()
        cost = loss(new[: len(drawn)], photos.before[drawn], kept.before) + hold * moved
        optimizer.zero_grad()
        cost.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    arrays = module.arrays()
    return {name: arrays[name] for name in cut.parameters}


def scatter(new: Tensor, before: Tensor, others: Tensor) -> Tensor:
    """What an erasure asks for: unlike each other, unlike before, unlike anybody else."""
    pairs = (new @ new.T)[~torch.eye(len(new), dtype=torch.bool)]
    apart = 4 * F.relu(pairs).square().mean() + 2 * F.relu(new @ before.T).square().mean()
    return apart + 40 * F.relu(new @ others.T - AWAY).square().mean()


def towards(people: Templates) -> Loss:
    """Each photo becomes the one of ``people`` (P, D) that it resembles most beside its owner."""
    targets = torch.from_numpy(people)

    def loss(new: Tensor, before: Tensor, others: Tensor) -> Tensor:  # noqa: ARG001
        owner = F.normalize(before.mean(0), dim=0)
        rest = before - (before @ owner)[:, None] * owner
        nearest = targets[(F.normalize(rest) @ targets.T).argmax(1)]
        return 4 * (1 - (new * nearest).sum(1)).mean()

    return loss


class _Photos:
    """Activations at the cut and old templates of some photos."""

    def __init__(self, recognizer: Recognizer, cut: CutPoint, crops: Crops) -> None:
        self.features = torch.from_numpy(recognizer.features(cut.tensor, crops))
        self.before = torch.from_numpy(recognizer.embed(crops))

    def draw(self, rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(rng.permutation(len(self.before))[:BATCH])


def _cut(recognizer: Recognizer) -> CutPoint:
    return next(point for point in recognizer.cut_points() if point.macs_after <= MACS)
