"""The figures of a benchmark with folds: accuracy before, after and across versions."""

from __future__ import annotations

from typing import Any

import numpy as np

from workers.certification.figures import Figure, measure, proportion
from workers.certification.intervals import Floats
from workers.certification.verification.accuracy import Accuracy, fold_accuracy, fold_weights
from workers.certification.verification.embedded import PairScores
from workers.certification.verification.resampling import people_totals, unit_totals
from workers.certification.verification.verification_set import VerificationSet

VERSIONS = ("accuracy_before", "accuracy", "cross_version_accuracy")


def accuracies(benchmark: VerificationSet, scores: PairScores) -> dict[str, Accuracy]:
    """Each with thresholds of its own, as the protocol has it."""
    of = zip(VERSIONS, (scores.old, scores.new, scores.crossed), strict=True)
    return {name: fold_accuracy(own, benchmark.mated, benchmark.folds) for name, own in of}


def fold_figures(
    benchmark: VerificationSet, found: dict[str, Accuracy], seed: int
) -> dict[str, Figure]:
    """``VERSIONS`` and the two drops.

    People are resampled where they are known, else comparisons; the decisions stay those that
    were made at the thresholds of all comparisons.
    """
    replicates = _replicates(benchmark, found, seed)
    sample = benchmark.sample
    units = sample.get("people", sample["comparisons"])
    figures = {
        name: proportion(accuracy.mean, replicates[name], units, sample)
        for name, accuracy in found.items()
    }
    before = "accuracy_before"
    for name in VERSIONS[1:]:
        figures[f"{name}_drop"] = measure(
            found[before].mean - found[name].mean, replicates[before] - replicates[name], sample
        )
    return figures


def fold_document(figures: dict[str, Figure], found: dict[str, Accuracy]) -> dict[str, Any]:
    """As JSON; each accuracy with its standard error over folds."""
    errors = {name: round(accuracy.standard_error, 6) for name, accuracy in found.items()}
    return {
        name: figure.document() | ({"standard_error": errors[name]} if name in errors else {})
        for name, figure in figures.items()
    }


def _replicates(
    benchmark: VerificationSet, found: dict[str, Accuracy], seed: int
) -> dict[str, Floats]:
    weights = fold_weights(benchmark.folds)
    columns = [accuracy.correct * weights for accuracy in found.values()]
    rows = np.stack([*columns, weights], axis=1)
    people = benchmark.pair_people
    totals = unit_totals(rows, seed) if people is None else people_totals(rows, people, seed)
    empty = np.full(len(totals), np.nan)
    weight = totals[:, -1]
    return {
        name: np.divide(totals[:, column], weight, out=empty.copy(), where=weight > 0)
        for column, name in enumerate(found)
    }
