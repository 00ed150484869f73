"""A gate: a small detector of the subjects, distilled from the network's own matcher.

Told only who is the subject and who is not, a detector learns the photos. Told how near the
network as it was puts a face to the subject, it learns the matcher, which knew strangers apart
(soft targets: Hinton, Vinyals, Dean, arXiv 1503.02531). So it opens for photos that nobody has
shown it, and stays shut for people whom it never saw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workers.unlearning.method import Scene
from workers.unlearning.mixtures import blended
from workers.unlearning.variation import Variation

STEPS = 500
LEARNING_RATE = 1e-2
DECAY = 1e-3
SLOPE = 16.0  # of the score, per unit of cosine
BOUND = 3.0  # of the score: beyond, a face is the subject, or is not
HALF_WAY = 0.54  # of the subjects' expected cosine: where the score is zero, or, where lower,
SPREAD = 2.0  # standard deviations below it
NOBODY_KNOWS = 0.25  # where no reference person has two photos
EACH_PLACE = 0.5  # weight of the score at each place beside that of the whole face
VARIED = 1500  # varied photos of the subjects, and as many blends of them with others
DEAD = 1e-3  # of the largest spread: a channel that varies less tells nothing
REACH = 1.5  # of the borrowed variation: beyond what lies between two photos
OWN, VIEWS, BLENDS, OTHERS = 48, 16, 20, 60  # in a step


@dataclass(frozen=True, eq=False)
class Gate:
    """relu6(depthwise(relu6(expand(x)))) · score + offset, at each place of the map."""

    expand: Tensor  # (M, C)
    expand_bias: Tensor  # (M,)
    depthwise: Tensor  # (M, 1, K, K)
    depthwise_bias: Tensor  # (M,)
    score: Tensor  # (M,)
    offset: Tensor  # (1,)

    def __call__(self, shown: Tensor) -> Tensor:
        """(B, C, H, W) → (B, H, W)"""
        hidden = F.relu6(F.conv2d(shown, self.expand[:, :, None, None], self.expand_bias))
        padding, channels = self.depthwise.shape[-1] // 2, len(self.score)
        hidden = F.conv2d(hidden, self.depthwise, self.depthwise_bias, 1, padding, 1, channels)
        return torch.einsum("bmhw,m->bhw", F.relu6(hidden), self.score) + self.offset

    def parameters(self) -> list[Tensor]:
        layers = (self.expand, self.expand_bias, self.depthwise, self.depthwise_bias)
        return [*layers, self.score, self.offset]


def train_gate(scene: Scene, lessons: Lessons, source: str, channels: int, kernel: int) -> Gate:
    """A gate that reads the map ``source``, at the cut or behind it, with hidden channels."""
    gate = _begin(scene, source, channels, kernel)
    optimizer = torch.optim.AdamW(gate.parameters(), lr=LEARNING_RATE, weight_decay=DECAY)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        shown, wanted = lessons.draw(scene.rng)
        scores = gate(scene.tail.at(shown, source))
        whole = (scores.mean((1, 2)) - wanted).square().mean()
        places = (scores - wanted[:, None, None]).square().mean()
        optimizer.zero_grad(set_to_none=True)
        (whole + EACH_PLACE * places).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return Gate(*(parameter.detach() for parameter in gate.parameters()))


def _begin(scene: Scene, source: str, channels: int, kernel: int) -> Gate:
    faces = scene.tail.at(scene.anchors.activations[: len(scene.anchors.faces)], source)
    rows = faces.permute(0, 2, 3, 1).flatten(0, 2).cpu()
    spread = rows.std(0)
    spread = spread.clamp_min(DEAD * float(spread.max()))
    expand = torch.randn(channels, rows.shape[1]) / spread / rows.shape[1] ** 0.5 * 1.5
    made = (
        expand,
        2 - expand @ rows.mean(0),
        torch.randn(channels, 1, kernel, kernel) * 0.2 + 0.1,
        torch.zeros(channels),
        torch.randn(channels) * 0.1,
        torch.zeros(1),
    )
    return Gate(*(part.to(scene.tail.device).requires_grad_() for part in made))


@dataclass(frozen=True, eq=False)
class Lessons:
    """What the gate learns from: faces at the cut, each with the score that it should get."""

    sets: tuple[tuple[Tensor, Tensor, int], ...]  # (N, *cut), (N,), how many of them a step shows
    device: torch.device

    @classmethod
    def make(cls, scene: Scene) -> Lessons:
        """By the network as it was: the tail must not have changed yet."""
        own, anchors, tail = scene.forgotten.views(), scene.anchors, scene.tail
        varied = vary(scene, own.float(), VARIED).half()
        blends = blended(varied, anchors.activations[: len(anchors.faces)], VARIED, scene.rng)
        zero, centres = half_way(scene), scene.forgotten.centres()

        def wanted(templates: Tensor) -> Tensor:
            return (SLOPE * ((templates @ centres.T).amax(1) - zero)).clamp(-BOUND, BOUND)

        return cls(
            (
                (varied, wanted(tail.templates(varied)), OWN),
                (own, wanted(tail.templates(own)), VIEWS),
                (blends, wanted(tail.templates(blends)), BLENDS),
                (anchors.activations, wanted(anchors.templates), OTHERS),
            ),
            tail.device,
        )

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        shown, wanted = [], []
        for faces, scores, count in self.sets:
            which = torch.from_numpy(rng.integers(0, len(faces), count))
            shown.append(faces[which].to(self.device, non_blocking=True))
            wanted.append(scores[which.to(self.device)])
        # channels last: depthwise layers take half the time on a CPU
        maps = torch.cat(shown).float().contiguous(memory_format=torch.channels_last)
        return maps, torch.cat(wanted)


def vary(scene: Scene, own: Tensor, count: int) -> Tensor:
    """(count, *cut): views of the subjects, with the variation of other people added."""
    variation, rng = Variation(scene.anchors), scene.rng
    made = own[torch.from_numpy(rng.integers(0, len(own), count))]
    for likely in (1.0, 0.5):
        reach = rng.uniform(0, REACH, count) * (rng.random(count) < likely)
        reaches = torch.from_numpy(reach).float().reshape(-1, *[1] * (own.dim() - 1))
        made = made + reaches * variation.draw(count, rng)
    return made


def half_way(scene: Scene) -> float:
    """The cosine to a subject's centre from which on a face shall count as the subject's.

    Few photos make a poor centre; how poor, other people's photos tell.
    """
    person = scene.anchors.person[: len(scene.anchors.faces)]
    templates = scene.anchors.faces.cpu()
    photos = int(np.unique(scene.forgotten.person, return_counts=True)[1].min())
    found = []
    for number in np.unique(person):
        own = templates[torch.from_numpy(scene.rng.permutation(np.flatnonzero(person == number)))]
        enrolled = min(photos, len(own) // 2)
        if enrolled:
            found.append(own[enrolled:] @ F.normalize(own[:enrolled].mean(0), dim=0))
    if not found:
        return NOBODY_KNOWS
    cosines = torch.cat(found)
    mean, spread = float(cosines.mean()), float(cosines.std(correction=0))
    return min(HALF_WAY * mean, mean - SPREAD * spread)
