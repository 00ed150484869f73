"""Templates of several pictures, as the IJB protocols make them.

Whitelam et al. 2017 (IJB-B), Maze et al. 2018 (IJB-C): the pictures of one medium (the frames of
one video) are averaged, then the media of one template, so that a long video weighs as much as
one photo; the result has unit length. Pictures count by their direction alone: neither the length
of their embedding nor a detector's score weighs them, and no flipped copy is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.certification.templates import Counts, Templates


@dataclass(frozen=True, eq=False)
class Pooling:
    """For each picture the row of its template, and its medium's number within the template."""

    templates: Counts  # (N,) 0 to T − 1
    media: Counts  # (N,)

    @property
    def count(self) -> int:
        return int(self.templates.max()) + 1

    def pooled(self, pictures: Templates) -> Templates:
        """(N, D) templates of single pictures → (T, D); zero where the pictures cancel out."""
        of_media = np.stack([self.templates, self.media], axis=1)
        media, places = np.unique(of_media, axis=0, return_inverse=True)
        by_medium = _means(pictures, places.ravel(), len(media))
        means = _means(by_medium, media[:, 0], self.count)
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        unit = np.divide(means, lengths, out=np.zeros_like(means), where=lengths > 0)
        templates: Templates = unit.astype(np.float32)
        return templates


def _means(rows: NDArray[Any], groups: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """(N, D) rows → (count, D): the mean of each group."""
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    sums = np.add.reduceat(rows[order], starts, axis=0, dtype=np.float64)
    means: NDArray[np.float64] = sums / sizes[:, None]
    return means
