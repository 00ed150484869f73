"""1:1 comparisons: a score is the cosine of two templates, a match is ``score >= threshold``.

Terms after ISO/IEC 19795-1: mated comparisons are of two photos of one person, non-mated ones
of photos of two people. A photo is never compared with itself, nor with itself across versions.
"""

from __future__ import annotations

from collections.abc import Iterator

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

    Yields:
        person i, the row at which the block begins, scores (rows of i, rows of later people).
    """
    rows = len(people.templates)
    for person in range(len(people) - 1):
        own = people[person]
        width = max(1, SCORES_AT_ONCE // max(1, len(own)))
        for start in range(int(people.starts[person + 1]), rows, width):
            yield person, start, own @ people.templates[start : start + width].T


def highest_non_mated(people: People, count: int) -> Scores:
    """The ``count`` (at least one) highest non-mated scores, falling; all if there are fewer."""
    kept = np.empty(0, dtype=np.float32)
    for _, _, block in non_mated_blocks(people):
        flat = block.ravel()
        if len(kept) == count:
            flat = flat[flat > kept[0]]  # kept[0] is the lowest kept: see the partition
        kept = np.concatenate([kept, flat])
        if len(kept) >= count:
            kept = np.partition(kept, len(kept) - count)[-count:]
    return np.sort(kept)[::-1]


def false_matches(people: People, threshold: float) -> tuple[Counts, Counts]:
    """False matches and non-mated comparisons of each two people, (P, P) above the diagonal."""
    found = np.zeros((len(people), len(people)), dtype=np.int64)
    for person, start, block in non_mated_blocks(people):
        hits = np.count_nonzero(block >= threshold, axis=0)
        owners = people.owners[start : start + len(hits)]
        found[person] += np.bincount(owners, weights=hits, minlength=len(people)).astype(np.int64)
    return found, np.triu(np.outer(people.sizes, people.sizes), k=1)


def mean_non_mated(people: People) -> float:
    """The mean non-mated similarity, from sums of templates: no score is computed."""
    sums = np.add.reduceat(people.templates.astype(np.float64), people.starts[:-1], axis=0)
    total = sums.sum(axis=0)
    return float((total @ total - (sums * sums).sum()) / 2 / non_mated_count(people))
