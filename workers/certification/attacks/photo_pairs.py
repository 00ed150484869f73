"""One person's photos compared with each other, each pair once."""

from __future__ import annotations

import numpy as np

from workers.certification.figures import Figure, missing, proportion, without
from workers.certification.intervals import pair_replicates
from workers.certification.templates import Templates
from workers.certification.thresholds import Threshold


def tmr(photos: Templates, threshold: Threshold, seed: int) -> Figure:
    """Of (n, F) rows of unit length; missing below two photos and without a threshold."""
    count = len(photos)
    if threshold.value is None:
        return without(threshold)
    sample = {
        "photos": count,
        "comparisons": count * (count - 1) // 2,
        "non_mated": threshold.trials,
    }
    if count < 2:
        return missing(f"{count} held-out photo; a comparison needs two", **sample)
    compared = np.triu(np.ones((count, count)), k=1)
    matched = ((photos @ photos.T) >= threshold.value) * compared
    replicates = pair_replicates(matched, compared, seed)
    return proportion(matched.sum() / compared.sum(), replicates, count, sample)
