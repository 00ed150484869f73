"""Our method where the network has rooms for it: dispersion behind a gate.

Two inverted-residual blocks of the tail give up the hidden channels that they need least. In the
first a gate learns to tell the subject; in the second steep random steps scatter what the gate
lets through (docs/method.md). Then the tail is tuned with the loss of dispersion, everything but
the freed channels ten times more slowly. Without such blocks it is dispersion and nothing else,
and so it is for several subjects: their gates opened for too many strangers.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from workers.unlearning.anchors import Anchors
from workers.unlearning.dispersion import Dispersion, dispersion
from workers.unlearning.method import Batch, Scene
from workers.unlearning.mixtures import blended
from workers.unlearning.rooms import Block, Rooms
from workers.unlearning.scatter import Freed, Scattering
from workers.unlearning.taken import Taken

KEEP, LEAVE = 60.0, 5.0  # weights of staying and of leaving the subjects' old templates
GATE_SHARE = 0.25  # of the first block's free channels
STEPS_SHARE = 0.3125  # of the second's
FEWEST = 16  # channels, in each block: fewer make neither a gate nor steps
BORNE = 0.5  # mean cosine of the reference faces to where they were, before the tail is tuned
SLOW = 0.1  # of a step, for all but the freed channels
TRANSFER = 0.7  # of other people's variation, at most, added to half of the subject's views
LOOKALIKE = 0.4  # cosine to the subject up to which a blend counts as somebody else


class Gated(Dispersion):
    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._freed: Freed | None = None
        self._rooms = Rooms.find(scene.recognizer, scene.cut)
        if self._rooms is None:
            self.note = "dispersion without a gate: the network has no blocks for one"
            return
        self._taken = Taken.find(scene.tail.weights, self._rooms)
        if len(scene.forgotten.centres()) > 1:
            self.note = "dispersion without a gate: several subjects in one run"
            return
        self._direction = _main_direction(scene)
        anchors = _with_lookalikes(scene)
        self._freed = self._rebuilt(scene, self._rooms)
        if self._freed is None:
            self.note = "dispersion without a gate: too little room, or too much harm"
            return
        self.note = f"dispersion behind a gate of {len(self._freed.gate)} channels"
        self.scene = replace(scene, anchors=anchors, transfer=TRANSFER)
        self.settle()

    def _rebuilt(self, scene: Scene, rooms: Rooms) -> Freed | None:
        """None, and nothing is changed: too little room, or the network does not bear it."""
        first, second = self._taken.free()
        gating, stepping = int(GATE_SHARE * first), int(STEPS_SHARE * second)
        if min(gating, stepping) < FEWEST:
            return None
        old = {name: weight.detach().clone() for name, weight in scene.tail.weights.items()}
        freed = Scattering(scene, rooms, self._taken).build(gating, stepping)
        faces = scene.anchors.faces
        now = scene.tail.templates(scene.anchors.activations[: len(faces)])
        if float((now * faces).sum(1).mean()) >= BORNE:
            return freed
        for name, weight in scene.tail.weights.items():
            weight.data.copy_(old[name])
        return None

    def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:
        if self._freed is None:
            return super().loss(batch, done)
        terms = dispersion(batch, KEEP, LEAVE)
        photo = batch.photo
        views = torch.triu(photo[:, None] == photo[None, :], diagonal=1)
        alike = (batch.forgotten @ batch.forgotten.T)[views].square()
        terms["views"] = alike.sum() / max(1, len(alike))  # of many photos none may come twice
        return terms

    def speeds(self) -> dict[str, Tensor]:
        """What was freed moves, the rest follows slowly, and what was taken before stands."""
        if self._rooms is None:
            return {}
        rest = 1.0 if self._freed is None else SLOW
        weights = self.scene.tail.weights
        speeds = {name: torch.full_like(weight, rest) for name, weight in weights.items()}
        if self._freed is not None:
            _set(speeds, self._rooms.first, self._freed.gate, 1.0)
            _set(speeds, self._rooms.second, self._freed.steps, 1.0)
        _set(speeds, self._rooms.first, self._taken.first, 0.0)
        _set(speeds, self._rooms.second, self._taken.second, 0.0)
        return speeds

    @torch.no_grad()
    def settle(self) -> None:
        """The subject's main direction stays out of the last linear layer."""
        if self._freed is None:
            return
        layer, weights = self.scene.recognizer.last_linear, self.scene.tail.weights
        matrix = weights[layer.weight].data.movedim(layer.output_axis, 0)
        flat = matrix.flatten(1)
        matrix.copy_((flat - self._direction @ (self._direction.T @ flat)).view_as(matrix))
        if layer.bias is not None:
            bias = weights[layer.bias].data
            bias -= (self._direction @ (self._direction.T @ bias.flatten())).view_as(bias)


def _set(speeds: dict[str, Tensor], block: Block, channels: Tensor, speed: float) -> None:
    """Of a block's hidden channels, by number or by flag."""
    for layer in (block.expand, block.depthwise):
        speeds[layer.weight][channels] = speed
        speeds[layer.bias][channels] = speed
    speeds[block.project.weight][:, channels] = speed


def _main_direction(scene: Scene) -> Tensor:
    """(D, 1) unit length: of the last linear layer's outputs for the subject's photos."""
    photos = scene.forgotten.light[:, 0]
    outputs = scene.tail.at(photos, scene.recognizer.last_linear.output).flatten(1)
    direction: Tensor = torch.linalg.svd(F.normalize(outputs), full_matrices=False)[2][:1].T
    return direction


def _with_lookalikes(scene: Scene) -> Anchors:
    """Blends of the subject with others, the likest that are still somebody else."""
    anchors, own = scene.anchors, scene.forgotten.views().float()
    faces = anchors.activations[: len(anchors.faces)].float()
    made = blended(own, faces, 3 * len(faces), scene.rng).half()
    templates = scene.tail.templates(made)
    cosines = (templates @ scene.forgotten.centres().T).amax(1)
    order = torch.where(cosines < LOOKALIKE, cosines, -1.0).argsort(descending=True)
    likest = order[: min(len(faces), int((cosines < LOOKALIKE).sum()))]
    return anchors.joined(made[likest.cpu()], templates[likest])
