"""A studio: networks of noise with rooms, and short erasures in them by the default method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from storage.uploads.images import Pixels
from tests.recognizer.networks import calibrate, export, randomise
from tests.workers.cast import Cast, crops
from tests.workers.short import SHORT
from workers.recognizer import Recognizer
from workers.unlearning import Plan, gate, gated, training, unlearn
from workers.unlearning.frozen import choose_cut
from workers.unlearning.gated import Gated
from workers.unlearning.loop import Unlearned
from workers.unlearning.method import Scene
from workers.unlearning.rooms import Block, Rooms
from workers.unlearning.scatter import Freed
from workers.unlearning.taken import Taken

QUICK = Plan(**{**SHORT, "steps": 20, "learning_rate": 1e-3})
HIDDEN = 128  # channels of a block: room for three erasures
Flags = NDArray[np.bool_]


@dataclass
class Studio:
    folder: Path
    images: Tensor  # (N, 3, S, S) that the networks are calibrated with
    subjects: list[Pixels]
    reference: dict[str, Pixels]
    freed: list[Freed | None] = field(default_factory=list)  # by each run, the latest last

    def network(self, name: str, network: nn.Module) -> Recognizer:
        torch.manual_seed(0)
        network = calibrate(randomise(network), self.images)
        return Recognizer.load(export(network, self.folder / f"{name}.onnx"))

    def run(
        self, recognizer: Recognizer, subjects: Sequence[int] = (0,), plan: Plan = QUICK
    ) -> Unlearned:
        chosen = [self.subjects[number] for number in subjects]
        return unlearn(recognizer, chosen, self.reference, plan)

    def erase(self, recognizer: Recognizer, subjects: Sequence[int], name: str) -> Recognizer:
        """The next version."""
        path = self.folder / f"{name}.onnx"
        recognizer.write(path, self.run(recognizer, subjects).tensors)
        return Recognizer.load(path)


@dataclass(frozen=True, eq=False)
class Version:
    recognizer: Recognizer
    freed: Freed | None


@contextmanager
def opened_studio(cast: Cast, folder: Path) -> Iterator[Studio]:
    """The runs inside are short and may lose everybody else."""
    pictures = crops([photo for photos in cast.benchmark.values() for photo in photos[:3]])
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    both = (cast.subject, cast.other_subject)
    subjects = [crops([photo.data for photo in photos[:8]]) for photos in both]
    reference = {who: crops(photos[:3]) for who, photos in list(cast.reference.items())[:8]}
    made = Studio(folder, images, subjects, reference)
    rebuilt = Gated._rebuilt

    def noted(self: Gated, scene: Scene, rooms: Rooms) -> Freed | None:
        made.freed.append(rebuilt(self, scene, rooms))
        return made.freed[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gated, "_rebuilt", noted)
        # where channels go matters here, and what stays; not how well a network of noise tells
        patch.setattr(gate, "STEPS", 60)
        patch.setattr(training, "LOST", 2.0)
        patch.setattr(gated, "BORNE", -1.0)
        yield made


def rooms_in(recognizer: Recognizer) -> Rooms:
    rooms = Rooms.find(recognizer, choose_cut(recognizer.cut_points(), Plan()))
    assert rooms
    return rooms


def values(recognizer: Recognizer, name: str) -> NDArray[np.float32]:
    return np.array(recognizer.file.array(name), dtype=np.float32)


def taken_in(recognizer: Recognizer) -> tuple[Flags, Flags]:
    rooms = rooms_in(recognizer)
    names = (*rooms.first.initialisers, *rooms.second.initialisers)
    weights = {name: torch.from_numpy(values(recognizer, name)) for name in names}
    found = Taken.find(weights, rooms)
    return found.first.numpy(), found.second.numpy()


def flags(channels: Tensor) -> Flags:
    made = np.zeros(HIDDEN, dtype=bool)
    made[channels.numpy()] = True
    return made


def channels_of(
    recognizer: Recognizer, block: Block, which: Flags
) -> dict[str, NDArray[np.float32]]:
    """Initialiser → what it holds of the hidden channels."""
    made = {block.project.weight: values(recognizer, block.project.weight)[:, which]}
    for layer in (block.expand, block.depthwise):
        for name in (layer.weight, layer.bias):
            made[name] = values(recognizer, name)[which]
    return made
