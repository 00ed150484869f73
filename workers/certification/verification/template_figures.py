"""The figures of template lists: TMR at the FMRs that their non-mated comparisons allow.

Mated comparisons are a small part of such a list, so an accuracy over it would say nothing. The
lists do not name people; templates that mated comparisons link, directly or over others, are one
person, and these are resampled.
"""

from __future__ import annotations

import numpy as np

from workers.certification.figures import Figure, measure, missing, proportion
from workers.certification.intervals import Floats
from workers.certification.templates import Counts, Scores
from workers.certification.thresholds import Threshold, fewest, threshold_at_fmr
from workers.certification.verification.embedded import PairScores
from workers.certification.verification.resampling import unit_totals
from workers.certification.verification.verification_set import VerificationSet

FMRS = (1e-2, 1e-3, 1e-4)
VERSIONS = ("tmr_before", "tmr", "cross_version_tmr", "tmr_recalibrated")
DROPS = tuple(f"{name}_drop" for name in VERSIONS[1:])


def template_figures(
    benchmark: VerificationSet, scores: PairScores, fmr: float, seed: int
) -> dict[str, Figure]:
    """``VERSIONS`` and ``DROPS`` at one FMR.

    The threshold is the old version's, but for ``tmr_recalibrated``: the new version's own, which
    is how results on these lists are published.
    """
    mated = benchmark.mated
    trials = benchmark.sample["non_mated"]
    if trials < fewest(fmr):
        reason = str(Threshold(fmr, None, trials).reason)
        return {name: missing(reason, **benchmark.sample) for name in (*VERSIONS, *DROPS)}
    old = threshold_at_fmr(scores.old[~mated], fmr)
    own = threshold_at_fmr(scores.new[~mated], fmr)
    versions = (scores.old, old), (scores.new, old), (scores.crossed, old), (scores.new, own)
    hits = [_hits(found[mated], threshold) for found, threshold in versions]
    people = linked(benchmark.pairs[mated])
    totals = unit_totals(_by_person([*hits, np.ones(len(people))], people), seed)
    replicates = totals[:, :-1] / totals[:, -1:]
    sample = {**benchmark.sample, "people": int(people.max()) + 1}
    return _figures(np.stack(hits).mean(axis=1), replicates, sample)


def _figures(rates: Floats, replicates: Floats, sample: dict[str, int]) -> dict[str, Figure]:
    figures = {
        name: proportion(rates[column], replicates[:, column], sample["people"], sample)
        for column, name in enumerate(VERSIONS)
    }
    for column, name in enumerate(DROPS, start=1):
        figures[name] = measure(
            rates[0] - rates[column], replicates[:, 0] - replicates[:, column], sample
        )
    return figures


def linked(pairs: Counts) -> Counts:
    """(M, 2) templates → (M,): a number from 0 for each group that the pairs link."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = int(pairs.max()) + 1
    edges = coo_array((np.ones(len(pairs), dtype=np.int8), tuple(pairs.T)), shape=(size, size))
    _, groups = connected_components(edges, directed=False)
    numbers: Counts = np.unique(groups[pairs[:, 0]], return_inverse=True)[1]
    return numbers


def _hits(scores: Scores, threshold: float) -> Floats:
    return (scores >= threshold).astype(np.float64)


def _by_person(columns: list[Floats], people: Counts) -> Floats:
    return np.stack([np.bincount(people, weights=column) for column in columns], axis=1)
