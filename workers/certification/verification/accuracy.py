"""Accuracy of verification over folds.

Huang et al. 2007, Labeled Faces in the Wild, section on View 2: for each fold the threshold is the
one with the highest accuracy on all other folds; the accuracy is measured on the fold itself. The
estimate is the mean over folds, its standard error their standard deviation over √folds. Every
score is a possible threshold, where InsightFace's evaluation steps through a grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.certification.intervals import Floats
from workers.certification.templates import Counts, Scores
from workers.certification.verification.pair_list import Flags


@dataclass(frozen=True, eq=False)
class Accuracy:
    correct: Flags  # (M,) whether each comparison is decided rightly
    folds: Counts  # (M,)

    @property
    def of_folds(self) -> Floats:
        sizes = np.bincount(self.folds)
        return np.asarray(np.bincount(self.folds, weights=self.correct) / sizes)

    @property
    def mean(self) -> float:
        return float(self.of_folds.mean())

    @property
    def standard_error(self) -> float:
        found = self.of_folds
        return float(found.std(ddof=1) / len(found) ** 0.5)


def fold_accuracy(scores: Scores, mated: Flags, folds: Counts) -> Accuracy:
    """(M,) scores, labels and folds (two at least) → which comparisons are decided rightly."""
    correct = np.zeros(len(scores), dtype=bool)
    for fold in range(int(folds.max()) + 1):
        tested = folds == fold
        threshold = best_threshold(scores[~tested], mated[~tested])
        correct[tested] = (scores[tested] >= threshold) == mated[tested]
    return Accuracy(correct, folds)


def best_threshold(scores: Scores, mated: Flags) -> float:
    """The threshold with the highest accuracy; of several the highest, as InsightFace has it.

    It lies half way between two scores, or beyond all of them.
    """
    order = np.argsort(-scores, kind="stable")
    falling, labels = scores[order].astype(np.float64), mated[order]
    gains = np.cumsum(np.where(labels, 1, -1))  # right decisions won by accepting the first k + 1
    right: NDArray[np.int64] = np.concatenate([[0], gains])
    edges = np.concatenate([[np.inf], falling, [-np.inf]])
    apart = edges[:-1] > edges[1:]  # equal scores fall on one side
    best = int(np.argmax(np.where(apart, right, right.min() - 1)))
    if best in (0, len(falling)):
        return float(np.inf if best == 0 else -np.inf)
    return float((falling[best - 1] + falling[best]) / 2)


def fold_weights(folds: Counts) -> Floats:
    """(M,), sum 1: each fold weighs the same, whatever its size."""
    sizes = np.bincount(folds)
    weights: Floats = 1.0 / (sizes[folds] * len(sizes))
    return weights
