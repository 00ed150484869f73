"""Thresholds: the score from which two templates match, set at a false match rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from workers.certification.comparisons import highest_non_mated, non_mated_count
from workers.certification.templates import People, Scores

FMRS = (1e-3, 1e-4, 1e-5)
FPIR = 1e-2  # of the open-set search
# Rule of 3 (ISO/IEC 19795-1): with fewer than 3 / rate trials not even a count of zero would show,
# with 95 % confidence, that the rate is kept. No threshold is set then.
RULE_OF_3 = 3
# Rule of 30 (Doddington 1998; ISO/IEC 19795-1): from 30 errors on, the true rate is within ±30 %
# of the observed one with 90 % confidence. Fewer is allowed, and said.
RULE_OF_30 = 30


@dataclass(frozen=True)
class Threshold:
    """A threshold, or None and the reason that there is none."""

    rate: float
    value: float | None
    trials: int  # non-mated comparisons or searches it is set on

    @property
    def enough_for_rule_of_30(self) -> bool:
        return self.trials >= round(RULE_OF_30 / self.rate)

    @property
    def reason(self) -> str | None:
        if self.value is not None:
            return None
        return (
            f"{self.trials:,} non-mated trials; a rate of {label(self.rate)} needs "
            f"at least {fewest(self.rate):,} (rule of 3)"
        )


def fewest(rate: float) -> int:
    """The fewest non-mated trials on which a threshold at ``rate`` is set."""
    return round(RULE_OF_3 / rate)


def label(rate: float) -> str:
    """``1e-3`` for 0.001: how a rate is written in the names of figures."""
    mantissa, exponent = f"{rate:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def lowest_threshold(scores: Scores, trials: int, rate: float) -> float:
    """The lowest threshold at which at most ``rate`` of ``trials`` non-mated scores match.

    ``scores`` are the highest of them, in falling order. Ties go against the match: where several
    scores are equal at the boundary, all of them are below the threshold, so the rate is never
    exceeded.
    """
    allowed = floor(rate * trials + 1e-9)  # 0.001 * 3000 must be 3
    return float(np.nextafter(scores[allowed], np.float32(np.inf)))


def threshold_at_fmr(scores: Scores, fmr: float) -> float:
    """The lowest threshold at which at most ``fmr`` of all these non-mated scores match.

    Raises:
        ValueError: no scores.
    """
    if not len(scores):
        raise ValueError("a threshold needs non-mated scores")
    return lowest_threshold(np.sort(scores)[::-1], len(scores), fmr)


def at_fmr(people: People, fmrs: Sequence[float] = FMRS) -> dict[float, Threshold]:
    """Thresholds on the non-mated comparisons of ``people``, by FMR."""
    trials = non_mated_count(people)
    measurable = [fmr for fmr in fmrs if trials >= fewest(fmr)]
    count = floor(max(measurable, default=0.0) * trials + 1e-9) + 1
    scores = highest_non_mated(people, count) if measurable else np.empty(0, dtype=np.float32)
    return {
        fmr: Threshold(
            fmr, lowest_threshold(scores, trials, fmr) if fmr in measurable else None, trials
        )
        for fmr in fmrs
    }


def at_fpir(scores: Scores, fpir: float = FPIR) -> Threshold:
    """The threshold on the best scores of non-mated searches, one for each search."""
    if len(scores) < fewest(fpir):
        return Threshold(fpir, None, len(scores))
    return Threshold(fpir, threshold_at_fmr(scores, fpir), len(scores))
