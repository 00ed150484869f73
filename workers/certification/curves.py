"""Curves and histograms of scores for the report: DET, mated and non-mated scores, CMC.

DET after Martin et al. 1997 (Eurospeech); ISO/IEC 19795-1. Scores are counted in ``FINE`` bins of
1e-4, so no score matrix is ever held: a threshold of the DET curve is the edge of a bin, and lies
less than 1e-4 above the exact one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.certification.comparisons import cross_version_scores, mated_scores, non_mated_blocks
from workers.certification.evidence import SubjectTemplates
from workers.certification.intervals import Floats
from workers.certification.reenrolment import found_by_rank
from workers.certification.retained import Benchmark
from workers.certification.templates import Counts, People, Scores, Templates
from workers.certification.thresholds import fewest

FINE = 20_000  # bins over [-1, 1] in which scores are counted
SHOWN = 100  # bins over [-1, 1] of the histograms that are given out
DECADES = 6  # of FMR, from 1 downwards: as far as the comparisons reach
POINTS_A_DECADE = 10
PHOTOS = 24  # at most, of a similarity matrix
DIGITS = 6  # of shares; those of similarities are 2


def curves(benchmark: Benchmark) -> dict[str, Any]:
    """The benchmark people by both versions, as JSON.

    ``det``: FNMR of both versions over one grid of ``fmr``, rising, each version at its own
    threshold; it begins where the rule of 3 allows. ``bins``: the ``SHOWN`` + 1 edges; the
    histograms are shares of all comparisons and add up to 1.
    """
    mated = [_count(_mated(people)) for people in (benchmark.old, benchmark.new)]
    non_mated = [_count(_non_mated(people)) for people in (benchmark.old, benchmark.new)]
    trials = int(non_mated[0].sum())
    rates = np.logspace(-DECADES, 0, DECADES * POINTS_A_DECADE + 1)
    rates = rates[[trials >= fewest(rate) for rate in rates]]
    fnmr = [_fnmr(*counts, rates) for counts in zip(mated, non_mated, strict=True)]
    return {
        "det": {
            "fmr": [float(f"{rate:.4g}") for rate in rates],
            "fnmr_old": _rounded(fnmr[0]),
            "fnmr_new": _rounded(fnmr[1]),
        },
        "bins": edges(),
        "mated_old": _shares(mated[0]),
        "mated_new": _shares(mated[1]),
        "non_mated_old": _shares(non_mated[0]),
        "non_mated_new": _shares(non_mated[1]),
    }


def subject_curves(subject: SubjectTemplates, benchmark: Benchmark) -> dict[str, Any]:
    """One subject's held-out photos by both versions, as JSON.

    ``cross_version``: new held-out templates against the old ones of all other photos. A
    histogram without comparisons is all zeros. ``cmc_old`` and ``cmc_new``: shares found at rank 1
    to ``reenrolment.RANKS``, enrolled again; empty where there is one held-out photo. The
    similarity matrices are of the first ``PHOTOS`` held-out photos.
    """
    held_out = subject.held_out
    return {
        "bins": edges(),
        "mated_old": _shares(_count([mated_scores(held_out.old)])),
        "mated_new": _shares(_count([mated_scores(held_out.new)])),
        "cross_version": _shares(_count([_cross_version(subject)])),
        "similarity_old": _similarity(held_out.old),
        "similarity_new": _similarity(held_out.new),
        "cmc_old": _cmc(held_out.old, benchmark.old),
        "cmc_new": _cmc(held_out.new, benchmark.new),
    }


def edges() -> list[float]:
    """Of the bins that are given out: ``SHOWN`` + 1 scores from −1 to 1."""
    return [round(edge, 4) for edge in np.linspace(-1, 1, SHOWN + 1).tolist()]


def _mated(people: People) -> Iterable[Scores]:
    return (mated_scores(people[person]) for person in range(len(people)))


def _non_mated(people: People) -> Iterable[Scores]:
    return (block for *_, block in non_mated_blocks(people))


def _cross_version(subject: SubjectTemplates) -> Scores:
    held_out, forget = subject.held_out, subject.forget
    others = (held_out.new @ forget.old.T).ravel()
    return np.concatenate([cross_version_scores(held_out.old, held_out.new), others])


def _count(blocks: Iterable[Scores]) -> Counts:
    """(FINE,) scores in each bin; what rounding puts beyond −1 or 1 is in the last ones."""
    counts = np.zeros(FINE, dtype=np.int64)
    for block in blocks:
        bins = ((block.ravel() + np.float32(1)) * np.float32(FINE / 2)).astype(np.int64)
        counts += np.bincount(np.clip(bins, 0, FINE - 1, out=bins), minlength=FINE)
    return counts


def _fnmr(mated: Counts, non_mated: Counts, rates: Floats) -> Floats:
    """(R,) FNMR at the lowest edges of bins whose FMR is at most each of ``rates``."""
    false_matches = np.append(non_mated[::-1].cumsum()[::-1], 0)  # at a threshold on each edge
    missed = np.append(0, mated.cumsum())
    allowed = np.floor(rates * non_mated.sum() + 1e-9)
    lowest = np.searchsorted(-false_matches, -allowed)
    found: Floats = missed[lowest] / max(1, missed[-1])
    return found


def _shares(counts: Counts) -> list[float]:
    """(FINE,) counts → shares of the ``SHOWN`` bins."""
    shown = counts.reshape(SHOWN, -1).sum(axis=1)
    return _rounded(shown / max(1, int(counts.sum())))


def _similarity(templates: Templates) -> list[list[float]]:
    shown = templates[:PHOTOS]
    found: list[list[float]] = np.round((shown @ shown.T).astype(float), 2).tolist()
    return found


def _cmc(held_out: Templates, people: People) -> list[float]:
    if len(held_out) < 2:
        return []
    return _rounded(found_by_rank(held_out, people).mean(axis=0))


def _rounded(values: NDArray[np.float64] | Sequence[float]) -> list[float]:
    return [round(float(value), DIGITS) for value in values]
