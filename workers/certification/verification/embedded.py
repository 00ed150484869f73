"""A benchmark's comparisons scored by the old version, by the new one, and across the two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workers.certification.templates import Counts, Embedder, Scores, Templates, embed
from workers.certification.verification.verification_set import VerificationSet

BLOCK = 65_536  # comparisons scored at once: 128 MiB of 512 dimensions


@dataclass(frozen=True, eq=False)
class PairScores:
    """(M,) each."""

    old: Scores
    new: Scores
    crossed: Scores  # first picture (or template) by the old version, second by the new


def score(
    benchmark: VerificationSet, old: Embedder, new: Embedder, done: Callable[[int], None]
) -> PairScores:
    """Embeds each picture once by each version, plainly: no flipped copy is added.

    ``done`` gets the number of pictures of each block. No more than one block of crops is held.

    Raises:
        BadInput: a picture or an embedding that is none.
    """
    shape = len(benchmark.crops), old.embedding_size
    first, second = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    start = 0
    for number, crops in enumerate(benchmark.crops.blocks(), start=1):
        whose = f"verification benchmark {benchmark.name}, block {number}"
        rows = slice(start, start := start + len(crops))
        first[rows], second[rows] = embed(old, crops, whose)[0], embed(new, crops, whose)[0]
        done(len(crops))
    if benchmark.pooling is not None:
        first, second = benchmark.pooling.pooled(first), benchmark.pooling.pooled(second)
    pairs = benchmark.pairs
    return PairScores(
        _cosines(first, first, pairs),
        _cosines(second, second, pairs),
        _cosines(first, second, pairs),
    )


def _cosines(first: Templates, second: Templates, pairs: Counts) -> Scores:
    scores = np.empty(len(pairs), dtype=np.float32)
    for start in range(0, len(pairs), BLOCK):
        rows, columns = pairs[start : start + BLOCK].T
        scores[start : start + BLOCK] = np.einsum("nd,nd->n", first[rows], second[columns])
    return scores
