"""A list of comparisons: which photos are compared, and whether they show one person."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.certification.templates import Counts

FOLDS = 10
MOST_PAIRS = 100_000  # of pictures; the largest published benchmark of this kind has 24,000
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PairList:
    """Photos stand in the order in which the comparisons first name them, each once."""

    photos: tuple[str, ...]  # (N,) SHA-256 of each file
    names: tuple[str, ...]  # (N,) what a refusal calls it
    read: Callable[[int], bytes]  # row → the file
    pairs: Counts  # (M, 2) rows of photos
    mated: Flags  # (M,)
    folds: Counts  # (M,) 0 to F − 1
    people: Counts | None  # (N,) a number for each person; None where nobody knows

    @property
    def digest(self) -> str:
        """SHA-256 over the photos' digests and the comparisons: no path, no name, no person."""
        return digest(self.photos, self.pairs, self.mated, self.folds)


def digest(photos: Sequence[str], *columns: NDArray[np.generic]) -> str:
    """The same on every machine: digests as text, then each column as 64-bit little-endian."""
    total = hashlib.sha256("\n".join(photos).encode())
    for column in columns:
        total.update(np.ascontiguousarray(column, dtype="<i8").tobytes())
    return total.hexdigest()


def numbered(photos: Sequence[str]) -> tuple[dict[str, int], Counts]:
    """Each different photo's row, by first appearance, and the row of each of ``photos``."""
    rows: dict[str, int] = {}
    for photo in photos:
        rows.setdefault(photo, len(rows))
    return rows, np.array([rows[photo] for photo in photos], dtype=np.int64)


def contiguous_folds(pairs: int) -> Counts:
    """Ten runs of comparisons as they stand, the first ones longer by one: as InsightFace does."""
    sizes = [len(part) for part in np.array_split(np.arange(pairs), FOLDS)]
    return np.repeat(np.arange(FOLDS), sizes)


def people_of(rows: Mapping[str, int], persons: Mapping[str, str]) -> Counts:
    """(N,): a number for the person of each photo, given by the photo's SHA-256."""
    numbers: dict[str, int] = {}
    return np.array(
        [numbers.setdefault(persons[photo], len(numbers)) for photo in rows], dtype=np.int64
    )
