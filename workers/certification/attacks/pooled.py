"""Do the features before the last linear layer still know the subject?

A classifier that is moved away from features which stay as they were seems to have forgotten
(Gao et al. 2026, arXiv 2604.08271; Kim, Cha and Kim 2025, arXiv 2503.06991). For a recogniser the
last linear layer is that classifier: whoever has the weights leaves it off, compares the features
before it, and sets a threshold of their own.
"""

from __future__ import annotations

import numpy as np

from workers.certification.evidence import SubjectTemplates
from workers.certification.figures import Figure, missing, proportion
from workers.certification.intervals import pair_replicates
from workers.certification.retained import Benchmark
from workers.certification.templates import People, Templates
from workers.certification.thresholds import at_fmr

FMR = 1e-3
NO_LAYER = "one of the two networks has no linear layer at its end"

TITLES = {
    "pooled_tmr": "TMR (FMR 1e-3) of held-out photos by the features before the last linear layer",
    "pooled_tmr_before": "the same by the old version",
}


def figures(subject: SubjectTemplates, benchmark: Benchmark) -> dict[str, Figure]:
    """All of ``TITLES``."""
    if subject.pooled is None or benchmark.pooled is None:
        return {name: missing(NO_LAYER) for name in TITLES}
    old, new = benchmark.pooled
    return {
        "pooled_tmr": tmr(subject.pooled.new, new, benchmark.seed),
        "pooled_tmr_before": tmr(subject.pooled.old, old, benchmark.seed),
    }


def tmr(features: Templates, people: People, seed: int) -> Figure:
    """Of one person's photos, (n, F) rows of unit length, at FMR 1e-3 of other people's."""
    photos = len(features)
    threshold = at_fmr(people, [FMR])[FMR]
    compared = np.triu(np.ones((photos, photos)), k=1)
    sample = {
        "photos": photos,
        "comparisons": photos * (photos - 1) // 2,
        "non_mated": threshold.trials,
    }
    if threshold.value is None:
        return missing(f"no threshold: {threshold.reason}", **sample)
    if photos < 2:
        return missing(f"{photos} held-out photo; a comparison needs two", **sample)
    matched = ((features @ features.T) >= threshold.value) * compared
    replicates = pair_replicates(matched, compared, seed)
    return proportion(matched.sum() / compared.sum(), replicates, photos, sample)
