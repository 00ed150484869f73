"""Crops of a benchmark, decoded when they are asked for: no more than one block at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from storage.settings import MIB
from storage.uploads.images import BadPhoto, Reason, decode
from workers.certification.templates import Crops

CROP_BYTES, CROP_PIXELS = 4 * MIB, 4096 * 4096  # a crop of any recogniser is far below both
BLOCK = 256  # crops decoded at once: 10 MB of 112 × 112


@dataclass(frozen=True)
class LazyCrops:
    """(N, S, S, 3) uint8 RGB crops, by slices."""

    count: int
    size: int
    one: Callable[[int], Crops]  # row → (S, S, 3)

    def __len__(self) -> int:
        return self.count

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return (self.count, self.size, self.size, 3)

    def __getitem__(self, rows: slice) -> Crops:
        """
        Raises:
            BadPhoto: a picture that is none, or has another size.
        """
        chosen = range(self.count)[rows]
        if not chosen:
            return np.empty((0, self.size, self.size, 3), dtype=np.uint8)
        return np.stack([self.one(row) for row in chosen])

    def blocks(self) -> Iterator[Crops]:
        for start in range(0, self.count, BLOCK):
            yield self[start : start + BLOCK]


def decode_crop(data: bytes, name: str, size: int) -> Crops:
    """One aligned crop, (size, size, 3) RGB.

    Raises:
        BadPhoto
    """
    pixels = decode(data, name, max_bytes=CROP_BYTES, max_pixels=CROP_PIXELS)
    if pixels.shape[:2] != (size, size):
        height, width = pixels.shape[:2]
        why = f"{width}×{height} pixels; face sets hold aligned {size}×{size} crops, align it first"
        raise BadPhoto(name, Reason.NOT_CROPPED, why)
    return pixels
