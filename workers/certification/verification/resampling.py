"""Bootstrap over comparisons that a benchmark lists; see ``certification.intervals``."""

from __future__ import annotations

import numpy as np

from workers.certification.intervals import REPLICATES, Floats
from workers.certification.templates import Counts

BLOCK = 50  # replicates drawn at once: 40 MB of weights for 100,000 comparisons


def unit_totals(rows: Floats, seed: int) -> Floats:
    """(U, K) values of units → (REPLICATES, K): their sums over units drawn with replacement.

    Units with equal values are alike, so it is drawn how many there are of each kind: the same
    distribution, without a weight for each of a million units.
    """
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(rows), counts / len(rows), size=REPLICATES)
    totals: Floats = drawn.astype(np.float64) @ kinds
    return totals


def people_totals(rows: Floats, people: Counts, seed: int) -> Floats:
    """(M, K) values of comparisons, the (M, 2) people in each → (REPLICATES, K) sums.

    People are drawn; a comparison of two people counts as often as both are drawn together, one
    within a person as often as that person (Bolle et al. 2004; Schuckers 2010, ch. 3). A non-mated
    comparison is thereby resampled twice, which makes the interval too wide rather than too
    narrow (Owen 2007, The pigeonhole bootstrap).
    """
    _, numbers = np.unique(people, return_inverse=True)
    first, second = numbers.reshape(people.shape).T
    units = int(numbers.max()) + 1
    rng = np.random.default_rng(seed)
    totals = np.empty((REPLICATES, rows.shape[1]))
    for start in range(0, REPLICATES, BLOCK):
        drawn = rng.multinomial(units, np.full(units, 1 / units), size=BLOCK).astype(np.float64)
        together = drawn[:, first] * np.where(first == second, 1.0, drawn[:, second])
        totals[start : start + BLOCK] = together @ rows
    return totals
