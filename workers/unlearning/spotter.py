"""Spotter: S. Ha, S. Park, S. W. Yoon, "Unlearning's Blind Spots: Over-Unlearning and Prototypical
Relearning Attack" (arXiv 2506.01318, ICML 2026).

A subject's faces scatter, and they and faces near them, pushed towards the nearest other class,
keep what the old network said of them without the subjects' classes (masked distillation).
Departures: the push is made on activations at the cut instead of pictures, the head comes from
templates, and anchors are held by their old templates, where the paper needs no retained faces.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from workers.unlearning.head import Head
from workers.unlearning.method import Batch, Method, Scene
from workers.unlearning.tail import AT_ONCE

OWN_SHARE = 0.7  # of the distillation, the rest near the subject's faces; as the authors have it
DISPERSE = 10.0  # the authors have 1 of both; the distillation alone would hold a subject together
DISTIL = 0.3
KEEP = 30.0  # weight of the anchors' staying, per unit of cosine
# The authors move pixels by 0.03 of white in 3 steps of 0.01; pixels vary by about 0.25 of white.
RADIUS = 0.12  # of the activations' standard deviation
PUSHES = 3
PUSHED_VIEWS = 4  # of each photo
NEAR_BATCH = 32


class Spotter(Method):
    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._head = Head.make(scene)
        self.near, old = _pushed(scene, self._head)
        self._near_told = self._told(old)

    def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:  # noqa: ARG002
        near, told = self._draw()
        own = self._distil(batch.forgotten, self._told(batch.old))
        beside = self._distil(self.scene.tail.embed(near)[1], told)
        moved = 1 - (batch.kept * batch.kept_old).sum(1)
        return {
            "disperse": DISPERSE * _disperse(batch),
            "own": DISTIL * OWN_SHARE * own,
            "near": DISTIL * (1 - OWN_SHARE) * beside,
            "keep": KEEP * moved.mean(),
        }

    def _draw(self) -> tuple[Tensor, Tensor]:
        chosen = self.scene.rng.integers(0, len(self.near), NEAR_BATCH)
        return self.near[chosen].to(self.scene.tail.device), self._near_told[chosen]

    def _told(self, old: Tensor) -> Tensor:
        """(N, D) old templates → (N, C): what the old network says, the subjects left out."""
        return self._head.masked(self._head.logits(old)).softmax(1)

    def _distil(self, new: Tensor, told: Tensor) -> Tensor:
        said = self._head.logits(new).log_softmax(1)
        return F.kl_div(said, told, reduction="batchmean")


def _disperse(batch: Batch) -> Tensor:
    """Mean cosine over all pairs of a subject's views, those below zero as zero."""
    mated = torch.triu(batch.person[:, None] == batch.person[None, :], diagonal=1)
    cosines = batch.forgotten @ batch.forgotten.T
    return (F.relu(cosines) * mated).sum() / mated.sum().clamp(min=1)


def _pushed(scene: Scene, head: Head) -> tuple[Tensor, Tensor]:
    """Views of the subjects' photos pushed, (N, *cut), and their old templates, (N, D)."""
    views = scene.forgotten.light[:, :PUSHED_VIEWS].flatten(0, 1)
    radius = RADIUS * float(views.float().std())
    noise = torch.Generator().manual_seed(scene.plan.seed)
    pieces: Iterator[Tensor] = iter(torch.split(views, AT_ONCE))
    pushed = [_push(piece, radius, scene, head, noise) for piece in pieces]
    near = torch.cat(pushed).half()
    return near, scene.tail.templates(near)


def _push(start: Tensor, radius: float, scene: Scene, head: Head, noise: torch.Generator) -> Tensor:
    """Projected gradient steps towards the nearest reference person; (n, *cut)."""
    tail = scene.tail
    origin = start.float()
    shift = (2 * torch.rand(origin.shape, generator=noise) - 1) * radius
    origin, shift = origin.to(tail.device), shift.to(tail.device)
    nearest = head.masked(head.logits(tail.templates(start))).argmax(1)
    for _ in range(PUSHES):
        shift.requires_grad_()
        wrong = F.cross_entropy(head.logits(tail.embed(origin + shift)[1]), nearest)
        slope = torch.autograd.grad(wrong, shift)[0]
        shift = (shift.detach() - radius / PUSHES * slope.sign()).clamp(-radius, radius)
    return (origin + shift).cpu()
