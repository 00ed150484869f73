"""95 % confidence intervals: the percentile bootstrap, which resamples people or photos.

Comparisons that share a person or a photo are not independent; so whole people (for one subject:
whole photos) are drawn with replacement, never comparisons. Efron and Tibshirani 1993, ch. 13;
for pairs: Schuckers 2010, ch. 3; Bolle et al. 2004 (subsets bootstrap).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
REPLICATES = 1000

Floats = NDArray[np.float64]
Interval = tuple[float, float]


@lru_cache(maxsize=8)
def weights(units: int, seed: int) -> Floats:
    """(REPLICATES, units): how often each unit is drawn in each replicate. Read-only."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(units, np.full(units, 1 / units), size=REPLICATES).astype(np.float64)
    drawn.flags.writeable = False
    return drawn


def ratio_replicates(numerators: NDArray[Any], denominators: NDArray[Any], seed: int) -> Floats:
    """(REPLICATES,): Σ numerators / Σ denominators over resampled units; NaN where 0 / 0."""
    drawn = weights(len(numerators), seed)
    return _divide(drawn @ numerators, drawn @ denominators)


def pair_replicates(values: NDArray[Any], counts: NDArray[Any], seed: int) -> Floats:
    """(REPLICATES,): Σ wᵢwⱼ valuesᵢⱼ / Σ wᵢwⱼ countsᵢⱼ over resampled units.

    ``values`` and ``counts`` are (n, n) with nothing on the diagonal: a unit that is drawn twice
    is not compared with itself.
    """
    drawn = weights(len(values), seed)
    return _divide(((drawn @ values) * drawn).sum(axis=1), ((drawn @ counts) * drawn).sum(axis=1))


def percentiles(replicates: Floats) -> Interval | None:
    """The middle 95 % of the replicates; None where no replicate has a value."""
    found = replicates[np.isfinite(replicates)]
    if not len(found):
        return None
    tail = (1 - CONFIDENCE) / 2 * 100
    low, high = np.percentile(found, [tail, 100 - tail])
    return float(low), float(high)


def proportion_interval(estimate: float, replicates: Floats, units: int) -> Interval | None:
    """The interval of a proportion.

    Where nothing or everything counts, every replicate is the same and would feign certainty:
    the bound is then the exact one of Clopper and Pearson 1934 for ``units`` independent trials.
    """
    exact = 1 - ((1 - CONFIDENCE) / 2) ** (1 / units)
    if estimate == 0:
        return 0.0, exact
    if estimate == 1:
        return 1 - exact, 1.0
    return percentiles(replicates)


def _divide(numerators: Floats, denominators: Floats) -> Floats:
    empty = np.full_like(numerators, np.nan)
    return np.divide(numerators, denominators, out=empty, where=denominators > 0)
