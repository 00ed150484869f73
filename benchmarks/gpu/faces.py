"""Pictures of nobody, drawn from a seed a few hundred at a time: none is ever kept.

A face of the benchmark only has to cost what a face costs. A person is a coarse random pattern, a
photo that pattern with a little of its own. A view is a mirrored, shifted, lighter or darker photo;
the worker's own views need OpenCV, which may not be here.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.gpu.graphs import SIDE

AT_ONCE = 250  # faces in memory: 9 MiB
PHOTOS = 5  # of each reference person
COARSE = 8  # points a side of a person's pattern
SHIFT = 4  # pixels


def photos(person: int, count: int) -> Tensor:
    """(count, 3, S, S) uint8 of one person."""
    return _draw(torch.full((count,), person), person)


def people(faces: int) -> Iterator[tuple[Tensor, Tensor]]:
    """(N, 3, S, S) uint8 and (N,) the numbers of the people, until there are so many faces."""
    for start in range(0, faces, AT_ONCE):
        person = torch.arange(start, min(start + AT_ONCE, faces)) // PHOTOS
        yield _draw(1 + person, 1_000_000 + start), person


def views(crops: Tensor, count: int, seed: int) -> Tensor:
    """(N, 3, S, S) → (N, count, 3, S, S)."""
    draw = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        shift = torch.randint(-SHIFT, SHIFT + 1, (2,), generator=draw)
        moved = torch.roll(crops, tuple(shift.tolist()), (2, 3))
        if float(torch.rand((), generator=draw)) < 0.5:
            moved = moved.flip(3)
        gain = torch.empty(len(crops), 1, 1, 1).uniform_(0.8, 1.2, generator=draw)
        made.append((moved * gain).clamp_(0, 255).to(torch.uint8))
    return torch.stack(made, 1)


def normalised(crops: Tensor, device: torch.device) -> Tensor:
    """(N, 3, S, S) uint8 → what the network is given: float32, as InsightFace makes it."""
    there = crops.to(device, non_blocking=True).float()
    return ((there - 127.5) / 127.5).contiguous(memory_format=torch.channels_last)


def _draw(person: Tensor, seed: int) -> Tensor:
    shapes = torch.stack([_pattern(int(number)) for number in person.tolist()])
    own = torch.randn(shapes.shape, generator=torch.Generator().manual_seed(seed))
    coarse = 127 + 60 * shapes + 15 * own
    fine = F.interpolate(coarse, (SIDE, SIDE), mode="bilinear", align_corners=False)
    return fine.clamp(0, 255).to(torch.uint8)


def _pattern(person: int) -> Tensor:
    return torch.randn((3, COARSE, COARSE), generator=torch.Generator().manual_seed(person))
