"""Exhaustive 1:N search on BLAS or CUDA: the best templates of a large gallery for each probe.

The gallery goes by in blocks and may lie in a file (``np.memmap``); the score matrix is never
whole. Nothing is approximated: the result is that of sorting all scores, and of equal scores the
earlier template comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.certification.templates import Counts, Scores, Templates

# A block of scores has 16 MiB, which stays in the last cache until it is searched, and sides long
# enough for BLAS to be at its full rate.
PROBES_AT_ONCE = 2048
TEMPLATES_AT_ONCE = 2048
WORTH_A_GPU = 2**30  # scores; fewer are found sooner than torch is imported and CUDA started

Ranges = NDArray[np.int64]  # (M, 2): for each probe, the rows of the gallery from … up to


@dataclass(frozen=True)
class Found:
    """The best templates of each of M probes, best first. Where there are fewer: −inf, row −1."""

    scores: Scores  # (M, k)
    rows: Counts  # (M, k) of the gallery


def search(
    gallery: Templates, probes: Templates, k: int = 1, without: Ranges | None = None
) -> Found:
    """(N, D) gallery, (M, D) probes → the ``k`` best templates of each probe.

    ``without``: rows of the gallery that a probe is not compared with, as those of its own person.
    Large searches run on the GPU if there is one. ``k`` is small: each counts as one more pass
    over those blocks that hold one of the best.
    """
    if goes_to_gpu(len(gallery) * len(probes)):
        from workers.certification.search_torch import search_torch

        return search_torch(gallery, probes, k, without, "cuda")
    return search_blas(gallery, probes, k, without)


def goes_to_gpu(scores: int) -> bool:
    """Whether a search of so many scores is one for the GPU, and there is one."""
    return scores >= WORTH_A_GPU and has_gpu()


def has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def search_blas(
    gallery: Templates, probes: Templates, k: int = 1, without: Ranges | None = None
) -> Found:
    """The same by numpy's BLAS, with as many threads as that takes."""
    found = nothing(len(probes), k)
    sides = min(PROBES_AT_ONCE, len(probes)), min(TEMPLATES_AT_ONCE, len(gallery))
    buffer = np.empty(sides[0] * sides[1], dtype=np.float32)
    for start, templates in blocks(gallery, TEMPLATES_AT_ONCE):
        for first in range(0, len(probes), PROBES_AT_ONCE):
            part = slice(first, first + PROBES_AT_ONCE)
            shape = len(probes[part]), len(templates)
            scores = buffer[: shape[0] * shape[1]].reshape(shape)
            np.matmul(probes[part], templates.T, out=scores)
            if without is not None:
                _leave_out(scores, without[part] - start)
            _keep_best(found.scores[part], found.rows[part], scores, start)
    return found


def nothing(probes: int, k: int) -> Found:
    """What is found in an empty gallery."""
    return Found(
        np.full((probes, k), -np.inf, dtype=np.float32), np.full((probes, k), -1, dtype=np.int64)
    )


def blocks(gallery: Templates, height: int) -> Iterator[tuple[int, Templates]]:
    """The gallery's first row of each block, and the block as float32 in memory."""
    for start in range(0, len(gallery), height):
        yield start, np.ascontiguousarray(gallery[start : start + height], dtype=np.float32)


def _leave_out(scores: Scores, ranges: Ranges) -> None:
    width = scores.shape[1]
    for row in np.flatnonzero((ranges[:, 0] < width) & (ranges[:, 1] > 0)):
        first, beyond = ranges[row]
        scores[row, max(0, first) : max(0, beyond)] = -np.inf


def _keep_best(kept: Scores, rows: Counts, scores: Scores, start: int) -> None:
    """Puts into ``kept`` (m, k) what of ``scores`` (m, n), which it spoils, is better.

    Only rows with something better are looked at again: soon hardly any has it.
    """
    live = np.arange(len(scores))
    best = scores.argmax(axis=1)
    for _ in range(kept.shape[1]):
        values = scores[live, best]
        better = values > kept[live, -1]
        live, best, values = live[better], best[better], values[better]
        if not len(live):
            return
        kept[live, -1], rows[live, -1] = values, best + start
        order = np.argsort(-kept[live], axis=1, kind="stable")  # of equals, the earlier one first
        kept[live] = np.take_along_axis(kept[live], order, axis=1)
        rows[live] = np.take_along_axis(rows[live], order, axis=1)
        scores[live, best] = -np.inf
        best = scores[live].argmax(axis=1)
