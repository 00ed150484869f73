"""The part of a version's network that an attacker trains: from a cut to the embedding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workers.certification.templates import Crops, Templates
from workers.recognizer import CutPoint, Recognizer

# At most so much is trained, whichever is more: a step must stay cheap beside embedding, and a
# small network must have enough left to learn with.
SHARE = 0.05  # of the network's multiply-adds
MACS = 10_000_000  # multiply-adds a face
AT_ONCE = 128  # faces where no gradient is needed


def choose_cut(recognizer: Recognizer) -> CutPoint:
    """The earliest cut that leaves no more than that behind it."""
    points = recognizer.cut_points()
    most = max(SHARE * max(point.macs_after for point in points), MACS)
    return next((point for point in points if point.macs_after <= most), points[-1])


def activations(recognizer: Recognizer, cut: CutPoint, crops: Crops) -> Tensor:
    """(N, S, S, 3) → (N, *shape of the cut)."""
    return torch.from_numpy(recognizer.features(cut.tensor, crops))


def same_before(old: Recognizer, new: Recognizer, cut: CutPoint) -> bool:
    """Do two versions compute the same up to the cut, so that one's activations serve both?"""
    before, after = old.file.initializers, new.file.initializers
    if before.keys() != after.keys() or list(old.file.model.graph.node) != list(
        new.file.model.graph.node
    ):
        return False
    frozen = before.keys() - set(cut.parameters)
    return all(np.array_equal(old.file.array(name), new.file.array(name)) for name in frozen)


@contextmanager
def repeatable() -> Iterator[None]:
    """CUDA takes the algorithms that give the same bits again."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        yield


class Tuning:
    """One version, its weights behind the cut free to move. Batch normalisation stays frozen.

    Raises:
        BadModel: a network that computes something else in torch than in ONNX Runtime.
    """

    def __init__(self, recognizer: Recognizer, cut: CutPoint) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._module = recognizer.module().to(self.device)
        self._cut = cut.tensor
        self._output = recognizer.output_name
        for name, weight in self._module.weights.items():
            weight.requires_grad_(name in cut.parameters)
        self._free = [self._module.weights[name] for name in cut.parameters]
        self._start = [weight.detach().clone() for weight in self._free]

    def begin(self, learning_rate: float) -> torch.optim.Adam:
        """Puts the version's own weights back."""
        with torch.no_grad():
            for weight, start in zip(self._free, self._start, strict=True):
                weight.copy_(start)
        return torch.optim.Adam(self._free, lr=learning_rate)

    def embed(self, faces: Tensor) -> Tensor:
        """(B, *cut) → (B, D) of unit length."""
        shown = faces.to(self.device)
        if shown.dim() == 4:  # channels last: depthwise layers take half the time on a CPU
            shown = shown.contiguous(memory_format=torch.channels_last)
        made = self._module.run({self._cut: shown}, [self._output])[self._output]
        return F.normalize(made.flatten(1))

    @torch.no_grad()
    def templates(self, faces: Tensor) -> Templates:
        """(N, *cut) → (N, D)."""
        pieces = [self.embed(piece).cpu() for piece in torch.split(faces, AT_ONCE)]
        found: Templates = torch.cat(pieces).numpy()
        return found
