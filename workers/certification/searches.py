"""1:N searches (ISO/IEC 19795-1; NIST FRTE 1:N): the best score of each probe in a gallery.

A person in the gallery is either all of their templates, of which the nearest counts, or one
centroid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.certification.comparisons import SCORES_AT_ONCE
from workers.certification.intervals import Floats
from workers.certification.templates import People, Scores, Templates, centroid
from workers.certification.thresholds import Threshold, at_fpir

Indices = NDArray[np.intp]

HALVINGS = 20  # random halvings into enrolled photos and probes, each used both ways round


def best_scores(gallery: Templates, probes: Templates) -> Scores:
    """(M, D) probes → (M,) score of the nearest template, the score matrix never whole."""
    best = np.full(len(probes), -np.inf, dtype=np.float32)
    width = max(1, SCORES_AT_ONCE // max(1, len(probes)))
    for start in range(0, len(gallery), width):
        scores = probes @ gallery[start : start + width].T
        np.maximum(best, scores.max(axis=1), out=best)
    return best


def non_mated_searches(gallery: People, probes: People) -> Scores:
    """Each photo searched among the other people, its own person removed: (N,) best scores.

    The people of ``gallery`` and ``probes`` are the same, in the same order.
    """
    found = []
    for person in range(len(probes)):
        before = gallery.templates[: gallery.starts[person]]
        after = gallery.templates[gallery.starts[person + 1] :]
        own = probes[person]
        found.append(np.maximum(best_scores(before, own), best_scores(after, own)))
    return np.concatenate(found)


def own_best(people: People) -> Scores:
    """(N,): each photo's best score among the other photos of its person; −inf if it is alone."""
    found = []
    for person in range(len(people)):
        scores = people[person] @ people[person].T
        np.fill_diagonal(scores, -np.inf)
        found.append(scores.max(axis=1))
    return np.concatenate(found)


@dataclass(frozen=True)
class Reenrolment:
    """The subject enrolled again with half of some photos, searched with the other half.

    Of each photo, over all halvings: how often it was found first, and how often found first with
    a score that reaches the threshold at FPIR 1e-2.
    """

    rank1: Floats  # (n,)
    tpir: Floats | None  # (n,); None where the benchmark has too few searches
    threshold: Threshold  # of the first halving; they differ by the subject's enrolled photos


def reenrol(held_out: Templates, gallery: People, *, by_centroid: bool, seed: int) -> Reenrolment:
    """Searches in a gallery of the benchmark people and the subject, all by one version.

    Where the subject ties with another for the first place, they count as found. The threshold is
    set on the benchmark people's own searches, their person removed and the subject enrolled.
    Rank-1 and TPIR count the identification at rank 1 (FRTE: 1 − FNIR(N, R = 1, T)).
    """
    others = gallery.centroids if by_centroid else gallery
    distractors = best_scores(others.templates, held_out)
    non_mated = non_mated_searches(others, gallery)
    rank1, tpir = np.zeros(len(held_out)), np.zeros(len(held_out))
    thresholds = []
    for enrolled, probes in _halvings(len(held_out), seed):
        templates = held_out[enrolled]
        subject = centroid(templates) if by_centroid else templates
        scores = best_scores(subject, held_out[probes])
        threshold = at_fpir(np.maximum(non_mated, best_scores(subject, gallery.templates)))
        first = scores >= distractors[probes]
        rank1[probes] += first
        if threshold.value is not None:
            tpir[probes] += first & (scores >= threshold.value)
        thresholds.append(threshold)
    found = tpir / HALVINGS if thresholds[0].value is not None else None
    return Reenrolment(rank1 / HALVINGS, found, thresholds[0])


def _halvings(photos: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Index arrays (enrolled, probes): every photo is a probe once in each halving."""
    rng = np.random.default_rng(seed)
    for _ in range(HALVINGS):
        order = rng.permutation(photos)
        first, second = order[: photos // 2], order[photos // 2 :]
        yield first, second
        yield second, first
