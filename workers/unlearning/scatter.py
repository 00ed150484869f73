"""Scattering behind a gate: freed channels that throw the subjects' activations about.

The photos of a subject must come out like photos of as many different people. A smooth change of
the weights leaves them a common region that a few new photos find. Here two layers of random, steep
steps over what differs between the photos, whitened, make small differences large (locality is
lost as in a hash), and a gate keeps the steps shut for everybody else.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from workers.unlearning.gate import Gate, Lessons, train_gate, vary
from workers.unlearning.method import Scene
from workers.unlearning.rooms import Block, Conv, Rooms
from workers.unlearning.taken import Taken

CANDIDATES = 24  # directions of least variance that may carry the gate's score
JUDGED = 120  # faces that choose among them
ENOUGH = 400  # views of the subjects; of fewer, varied ones are added
STEEP = 6.0  # standard deviations of a step's input: ReLU6 is open for one in four or so
SEPARATION = 60.0  # between the subject and everybody else at the steps' input
APART = 10.0  # the same along the direction that carries the score
OPEN = 3.0  # mid-way between ReLU6's two ends
SECOND_MEAN, SECOND_BIAS = 9.0, -5.0  # the second layer opens where most of a place's neighbours do
LOUD = 4.0  # standard deviations of what is there already
FLAT = 0.3  # how much of what differs from place to place is taken out
RANK = 1e-3  # of the largest variance: directions below it are noise


@dataclass(frozen=True, eq=False)
class Freed:
    """Numbers of the hidden channels that now gate and scatter."""

    gate: Tensor
    steps: Tensor


class Scattering:
    """Rebuilds two blocks of the tail, in place."""

    def __init__(self, scene: Scene, rooms: Rooms, taken: Taken) -> None:
        self._scene, self._tail, self._rooms, self._taken = scene, scene.tail, rooms, taken
        weights = scene.tail.weights
        self._w = {name: weight.data for name, weight in weights.items()}
        self._faces = scene.anchors.activations[: len(scene.anchors.faces)].float()

    @torch.no_grad()
    def build(self, gating: int, stepping: int) -> Freed:
        """With so many channels of each block."""
        first, second = self._rooms.first, self._rooms.second
        lessons = Lessons.make(self._scene)
        freed = Freed(
            self._free(first, gating, self._taken.first),
            self._free(second, stepping, self._taken.second),
        )
        carrier, level = self._carrier()
        self._blind(carrier, level)
        source, kernel = first.source, self._w[first.depthwise.weight].shape[-1]
        with torch.enable_grad():
            gate = train_gate(self._scene, lessons, source, gating, kernel)
        own = self._own()
        self._install(gate, freed.gate, carrier, own)
        self._hash(freed.steps, carrier, own)
        return freed

    def _own(self) -> Tensor:
        """The subjects' views, and varied ones where they are few."""
        own = self._scene.forgotten.views().float()
        missing = ENOUGH - len(own)
        return torch.cat([own, vary(self._scene, own, missing)]) if missing > 0 else own

    def _free(self, block: Block, count: int, taken: Tensor) -> Tensor:
        """The channels that move the block's output least; their mean goes into the bias."""
        hidden = _rows(self._tail.at(self._faces, block.hidden))
        weight, bias = self._w[block.project.weight], self._w[block.project.bias]
        moved = hidden.std(0) * weight[:, :, 0, 0].norm(dim=0)
        channels: Tensor = moved.masked_fill(taken, torch.inf).argsort()[:count]
        bias += weight[:, channels, 0, 0] @ hidden.mean(0)[channels]
        weight[:, channels] = 0
        return channels

    def _carrier(self) -> tuple[Tensor, float]:
        """Of the directions in which the stream varies least, the one that is missed least.

        (C,) unit length, and the mean along it.
        """
        stream = _rows(self._tail.at(self._faces, self._rooms.first.output))
        directions = torch.linalg.eigh(torch.cov(stream.T))[1][:, :CANDIDATES]
        faces = self._faces[:: max(1, len(self._faces) // JUDGED)]
        before = self._tail.templates(faces)
        levels = stream.mean(0) @ directions
        kept = []
        for direction, level in zip(directions.T, levels.tolist(), strict=True):
            undo = {name: self._w[name].clone() for name in self._readers()}
            self._blind(direction, level)
            kept.append(float((self._tail.templates(faces) * before).sum(1).mean()))
            for name, values in undo.items():
                self._w[name].copy_(values)
        best = max(range(len(kept)), key=kept.__getitem__)
        carrier: Tensor = directions[:, best].contiguous()
        return carrier, float(levels[best])

    def _readers(self) -> list[str]:
        layers = (self._rooms.second.expand, self._rooms.reader)
        return [name for layer in layers for name in (layer.weight, layer.bias)]

    def _blind(self, direction: Tensor, level: float) -> None:
        """Whoever reads the stream no longer sees what lies along the direction."""
        for layer in (self._rooms.second.expand, self._rooms.reader):
            weight, bias = self._w[layer.weight], self._w[layer.bias]
            seen = weight[:, :, 0, 0] @ direction
            bias += seen * level
            weight[:, :, 0, 0] -= torch.outer(seen, direction)

    def _install(self, gate: Gate, channels: Tensor, carrier: Tensor, own: Tensor) -> None:
        """Into the first block's freed channels; the score goes out along the carrier."""
        block = self._rooms.first
        shown = (self._tail.at(faces, block.source) for faces in (own, self._faces))
        inside, outside = (float(gate(faces).mean()) for faces in shown)
        scale = APART / (inside - outside)
        self._put(block.expand, channels, gate.expand[:, :, None, None], gate.expand_bias)
        self._put(block.depthwise, channels, gate.depthwise, gate.depthwise_bias)
        self._w[block.project.weight][:, channels, 0, 0] += torch.outer(carrier, gate.score * scale)
        level = (float(gate.offset) - (inside + outside) / 2) * scale
        self._w[block.project.bias].add_(carrier * level)

    def _put(self, layer: Conv, channels: Tensor, weight: Tensor, bias: Tensor) -> None:
        self._w[layer.weight][channels] = weight
        self._w[layer.bias][channels] = bias

    def _hash(self, channels: Tensor, carrier: Tensor, own: Tensor) -> None:
        """Into the second block's freed channels."""
        block, tail = self._rooms.second, self._tail
        stream = tail.at(own, block.source)
        rows = _rows(stream)
        others = _rows(tail.at(self._faces, block.source))
        steps = _steps(stream, carrier, len(channels))
        apart = float((rows @ carrier).mean() - (others @ carrier).mean())
        steps = STEEP * steps + SEPARATION / apart * carrier
        bias = OPEN - (rows @ steps.T).mean(0)
        bias = bias + torch.randn(len(channels)).to(bias) * STEEP / 2
        hidden = F.relu6(F.conv2d(stream, steps[:, :, None, None], bias))
        kernels = _kernels(hidden, self._w[block.depthwise.weight].shape[-1])
        shut = torch.full((len(channels),), SECOND_BIAS).to(bias)
        padding = kernels.shape[-1] // 2
        hidden = F.relu6(F.conv2d(hidden, kernels, shut, 1, padding, 1, len(channels)))
        self._put(block.expand, channels, steps[:, :, None, None], bias)
        self._put(block.depthwise, channels, kernels, shut)
        self._w[block.project.weight][:, channels, 0, 0] = _outwards(hidden, rows, carrier)


def _rows(maps: Tensor) -> Tensor:
    """(B, C, H, W) → (B · H · W, C)"""
    return maps.permute(0, 2, 3, 1).flatten(0, 2)


def _steps(stream: Tensor, carrier: Tensor, count: int) -> Tensor:
    """(count, C): random directions in the whitened differences between the photos."""
    mean = stream.mean(0, keepdim=True)
    across = torch.eye(len(carrier)).to(carrier) - torch.outer(carrier, carrier)
    rows = _rows(stream - mean) @ across
    variances, directions = torch.linalg.eigh(torch.cov(rows.T))
    used = variances > RANK * variances.max()
    drawn = torch.randn(count, int(used.sum())).to(rows)
    made = drawn * variances[used].rsqrt() @ directions[:, used].T
    between = torch.cov((_rows(mean) @ across).T) / variances.mean()
    made = made @ torch.linalg.inv(torch.eye(len(between)).to(between) + FLAT * between)
    scaled: Tensor = made / (rows @ made.T).std(0)[:, None]
    return scaled


def _kernels(hidden: Tensor, size: int) -> Tensor:
    """(M, 1, K, K): random, of no mean, on top of the mean of the neighbours."""
    count, area = hidden.shape[1], size * size
    drawn = torch.randn(count, area).to(hidden)
    drawn = drawn - drawn.mean(1, keepdim=True)
    drawn = drawn / drawn.norm(dim=1, keepdim=True) * STEEP
    drawn = drawn / hidden.std((0, 2, 3)).clamp_min(0.5)[:, None]
    level = SECOND_MEAN / (area * hidden.mean((0, 2, 3)).clamp_min(0.3))
    kernels: Tensor = (drawn + level[:, None]).reshape(count, 1, size, size)
    return kernels


def _outwards(hidden: Tensor, rows: Tensor, carrier: Tensor) -> Tensor:
    """(C, M): random directions, loud beside the stream, with no mean and off the carrier."""
    seen = _rows(hidden)
    mean = seen.mean(0)
    drawn = torch.randn(len(carrier), seen.shape[1]).to(seen)
    drawn = drawn - torch.outer(carrier, carrier @ drawn)
    drawn = drawn - torch.outer(drawn @ mean, mean) / (mean @ mean)
    maps = hidden - hidden.mean(0, keepdim=True)
    loudness = rows.std(0).norm() / (_rows(maps) @ drawn.T).std(0).norm()
    scaled: Tensor = LOUD * loudness * drawn
    return scaled
