"""1:1 comparisons: a score is the cosine of two templates, a match is ``score >= threshold``.

Terms after ISO/IEC 19795-1: mated comparisons are of two photos of one person, non-mated ones
of photos of two people. A photo is never compared with itself, nor with itself across versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt

import numpy as np

from workers.certification.templates import Counts, People, Scores, Templates

SCORES_AT_ONCE = 2**22  # 16 MiB of float32: what one block of the score matrix may take


def mated_scores(templates: Templates) -> Scores:
    """One person's photos in pairs: (n,) templates → (n (n − 1) / 2,) scores."""
    rows, columns = np.triu_indices(len(templates), k=1)
    scores: Scores = (templates @ templates.T)[rows, columns]
    return scores


def cross_version_scores(gallery: Templates, probes: Templates) -> Scores:
    """One person's photos, row i the same in both: (n (n − 1),) scores of different photos."""
    scores: Scores = (probes @ gallery.T)[~np.eye(len(probes), dtype=bool)]
    return scores


def mated_counts(people: People, threshold: float) -> tuple[Counts, Counts]:
    """Matches and mated comparisons of each person, (P,) each."""
    scores = [mated_scores(people[person]) for person in range(len(people))]
    return _counts(scores, threshold)


def cross_version_counts(
    gallery: People, probes: People, threshold: float
) -> tuple[Counts, Counts]:
    """The same between an old gallery and new probes of the same photos."""
    scores = [
        cross_version_scores(gallery[person], probes[person]) for person in range(len(gallery))
    ]
    return _counts(scores, threshold)


def _counts(scores: list[Scores], threshold: float) -> tuple[Counts, Counts]:
    matches = [np.count_nonzero(found >= threshold) for found in scores]
    comparisons = [len(found) for found in scores]
    return np.array(matches, dtype=np.int64), np.array(comparisons, dtype=np.int64)


def non_mated_count(people: People) -> int:
    """How many non-mated comparisons there are, each pair once."""
    photos = int(people.sizes.sum())
    return (photos * photos - int((people.sizes**2).sum())) // 2


def non_mated_blocks(people: People) -> Iterator[tuple[int, int, Scores]]:
    """Every non-mated score once, in blocks of at most about ``SCORES_AT_ONCE``.

    People are taken together up to a block's height, so that people with few photos cost no more
    than people with many.

    Yields:
        the row and the column of all templates at which the block begins, scores.
    """
    starts, height = people.starts, max(1, isqrt(SCORES_AT_ONCE))
    first = 0
    while first < len(people) - 1:
        top = int(starts[first])
        beyond = int(np.searchsorted(starts, top + height, side="right")) - 1
        beyond = min(max(beyond, first + 1), len(people))
        rows = people.templates[top : int(starts[beyond])]
        if beyond > first + 1:
            yield from _among(starts[first : beyond + 1], rows)
        width = max(1, SCORES_AT_ONCE // max(1, len(rows)))
        for start in range(int(starts[beyond]), len(people.templates), width):
            yield top, start, rows @ people.templates[start : start + width].T
        first = beyond


def _among(starts: Counts, rows: Templates) -> Iterator[tuple[int, int, Scores]]:
    """The non-mated scores of people who stand in ``rows``: of each with those after them."""
    scores, top = rows @ rows.T, int(starts[0])
    for start, stop in pairwise((starts[:-1] - top).tolist()):
        yield top + start, top + stop, scores[start:stop, stop:]


def highest_non_mated(people: People, count: int) -> Scores:
    """The ``count`` (at least one) highest non-mated scores, falling; all if there are fewer."""
    kept = np.empty(0, dtype=np.float32)
    waiting: list[Scores] = []
    lowest, new = -np.inf, 0  # the lowest score that counts; how many scores wait
    for _, _, block in non_mated_blocks(people):
        waiting.append(block[block > lowest])
        new += len(waiting[-1])
        if new >= SCORES_AT_ONCE:
            kept = _highest(np.concatenate([kept, *waiting]), count)
            waiting, new = [], 0
            lowest = kept.min() if len(kept) == count else -np.inf
    kept = _highest(np.concatenate([kept, *waiting]), count)
    return np.sort(kept)[::-1]


def _highest(scores: Scores, count: int) -> Scores:
    if len(scores) <= count:
        return scores
    found: Scores = np.partition(scores, len(scores) - count)[-count:]
    return found


@dataclass(frozen=True)
class FalseMatches:
    """The pairs of people with false matches, and how many each pair has."""

    first: Counts  # (F,) rising; the earlier person of each pair
    second: Counts  # (F,)
    matches: Counts  # (F,) at least one each


def false_matches(people: People, threshold: float) -> FalseMatches:
    """Of all non-mated comparisons, those that match."""
    none = np.empty(0, dtype=np.int64)
    pairs, counts = [none], [none]
    for row, column, block in non_mated_blocks(people):
        rows, columns = np.nonzero(block >= threshold)
        met = people.owners[rows + row] * len(people) + people.owners[columns + column]
        for found, part in zip(np.unique(met, return_counts=True), (pairs, counts), strict=True):
            part.append(found)
    every, place = np.unique(np.concatenate(pairs), return_inverse=True)
    matches = np.bincount(place, np.concatenate(counts), minlength=len(every))
    first, second = np.divmod(every, max(1, len(people)))
    return FalseMatches(first, second, matches.astype(np.int64))


def mean_non_mated(people: People) -> float:
    """The mean non-mated similarity, from sums of templates: no score is computed."""
    sums = np.add.reduceat(people.templates.astype(np.float64), people.starts[:-1], axis=0)
    total = sums.sum(axis=0)
    return float((total @ total - (sums * sums).sum()) / 2 / non_mated_count(people))
