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
UNITS_AT_ONCE = 256  # of pairs: a block of 256 × 10,000 units is 20 MB

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
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


def sparse_pair_replicates(
    pairs: tuple[Indices, Indices], values: NDArray[Any], sizes: NDArray[Any], seed: int
) -> Floats:
    """The same where every two units i < j have ``sizesᵢ sizesⱼ`` counts and few have a value.

    ``pairs``: (F,) i, rising, and (F,) j of those that have one, ``values`` (F,). The denominator
    is ((Σ wᵢ sizesᵢ)² − Σ (wᵢ sizesᵢ)²) / 2, so nothing of n × n is ever held.
    """
    drawn, (first, second) = weights(len(sizes), seed), pairs
    numerators = np.zeros(REPLICATES)
    for start in range(0, len(sizes), UNITS_AT_ONCE):
        low, high = np.searchsorted(first, [start, start + UNITS_AT_ONCE])
        units, column = np.unique(second[low:high], return_inverse=True)
        block = np.zeros((len(units), min(UNITS_AT_ONCE, len(sizes) - start)))
        block[column, first[low:high] - start] = values[low:high]
        own = drawn[:, start : start + UNITS_AT_ONCE]
        numerators += ((drawn[:, units] @ block) * own).sum(axis=1)
    squares = np.einsum("ru,ru,u->r", drawn, drawn, np.square(sizes, dtype=np.float64))
    return _divide(numerators, ((drawn @ sizes) ** 2 - squares) / 2)


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
