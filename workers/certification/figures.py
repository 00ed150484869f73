"""A figure: one measured number with its interval, what it was measured on, and its worst case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from workers.certification.intervals import Floats, Interval, percentiles, proportion_interval
from workers.certification.templates import Counts
from workers.certification.thresholds import FMRS, Threshold, label

DIGITS = 6  # kept of a figure; its interval is wider by far


@dataclass(frozen=True)
class Figure:
    """``estimate`` is None where nothing could be measured; ``reason`` then says why."""

    estimate: float | None
    interval: Interval | None = None
    sample: Mapping[str, int] = field(default_factory=dict)  # of SAMPLES, how many of each
    worst: float | None = None  # of single people
    worst_person: str | None = None  # a folder's name: never in a certificate
    reason: str | None = None

    def document(self) -> dict[str, Any]:
        """As JSON, without the name of any person."""
        return {
            "estimate": _rounded(self.estimate),
            "interval": [_rounded(bound) for bound in self.interval] if self.interval else None,
            "sample": dict(self.sample),
            "worst": _rounded(self.worst),
            "reason": self.reason,
        }


def missing(reason: str, **sample: int) -> Figure:
    return Figure(None, sample=sample, reason=reason)


def missing_at(names: Iterable[str], threshold: Threshold) -> dict[str, Figure]:
    """Figures that need a threshold which could not be set, under their names at its FMR."""
    return {at(name, threshold.rate): without(threshold) for name in names}


def without(threshold: Threshold) -> Figure:
    """A figure that needs a threshold which could not be set."""
    return missing(f"no threshold at FMR {label(threshold.rate)}: {threshold.reason}")


def proportion(
    estimate: float, replicates: Floats, units: int, sample: Mapping[str, int]
) -> Figure:
    """A figure between 0 and 1; ``units`` of resampling are behind it."""
    estimate = float(estimate)
    return Figure(estimate, proportion_interval(estimate, replicates, units), sample)


def measure(
    estimate: float,
    replicates: Floats,
    sample: Mapping[str, int],
    worst: tuple[float, str] | None = None,
) -> Figure:
    """Any other figure."""
    value, person = worst or (None, None)
    return Figure(float(estimate), percentiles(replicates), sample, value, person)


def ratio(matches: NDArray[Any], comparisons: Counts) -> float:
    """Of all comparisons, how many match."""
    return float(matches.sum() / comparisons.sum())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), DIGITS)


def at(name: str, fmr: float) -> str:
    """``forgotten_tmr@1e-3``: the name of a figure at the threshold of an FMR."""
    return f"{name}@{label(fmr)}"


# What a figure may be measured on; a policy asks for at least so many.
SAMPLES = frozenset(
    {"photos", "people", "templates", "comparisons", "searches", "non_mated", "runs"}
)

# Every figure by its name, and what it says. Those of the first and the third table are there at
# each FMR of FMRS, their threshold set on the old version unless they say "recalibrated".
FORGOTTEN_AT_FMR = {
    "forgotten_tmr": "TMR of the subject's held-out photos, new version",
    "forgotten_tmr_before": "TMR of the subject's held-out photos, old version",
    "forgotten_tmr_recalibrated": "the same, new version at its own threshold",
    "forgotten_cross_version_tmr": "TMR of new held-out templates against old templates",
    "forgotten_cross_version_reverse_tmr": "TMR of old held-out templates against new templates",
    "forgotten_same_photo_tmr": (
        "held-out photos whose new template matches the old template of the very same photo"
    ),
    "impersonation_fpir": "FPIR of held-out photos among everybody else, new version",
    "impersonation_fpir_before": "the same by the old version",
    "impersonation_cross_version_fpir": "the same, new probes in the old gallery",
    "impersonation_nominal_fpir": "FPIR of other people's photos among everybody else, old version",
    "impersonation_excess": "how far it is above the nominal or the subject's by the old version",
    "impersonation_cross_version_excess": "the same, new probes in the old gallery",
    "neighbours_tmr_drop": "TMR lost by the three people most like the subject",
    "neighbours_cross_version_tmr_drop": "the same where an old gallery is kept",
}
_FORGOTTEN = {
    "forgotten_rank1": "searches that find the subject first, enrolled again by the new version",
    "forgotten_rank1_before": "the same by the old version",
    "forgotten_rank1_equal": (
        "searches that find the subject first, everybody enrolled with as many photos, new version"
    ),
    "forgotten_rank1_equal_before": "the same by the old version",
    "forgotten_rank1_centroid": (
        "searches that find the subject first, one centroid enrolled a person, new version"
    ),
    "forgotten_rank1_centroid_before": "the same by the old version",
    "forgotten_tpir": "TPIR at FPIR 1e-2, enrolled again by the new version",
    "forgotten_tpir_before": "the same by the old version",
    "forgotten_tpir_equal": (
        "TPIR at FPIR 1e-2, everybody enrolled with as many photos, new version"
    ),
    "forgotten_tpir_equal_before": "the same by the old version",
    "forgotten_tpir_centroid": "TPIR at FPIR 1e-2, one centroid enrolled a person, new version",
    "forgotten_tpir_centroid_before": "the same by the old version",
    "forgotten_rank5": "searches that find the subject among the first 5 people, new version",
    "forgotten_rank5_before": "the same by the old version",
    "forgotten_rank10": "searches that find the subject among the first 10 people, new version",
    "forgotten_rank10_before": "the same by the old version",
    "forgotten_mated_mean": "mean similarity of the subject's held-out photos, new version",
    "forgotten_mated_mean_before": "the same by the old version",
    "forgotten_compactness": (
        "compactness of held-out photos at n = 20 photos, 1 is a random mix of people, new version"
    ),
    "forgotten_compactness_before": "the same by the old version",
}
KEPT_AT_FMR = {
    "benchmark_tmr": "TMR of the benchmark people, new version",
    "benchmark_tmr_before": "TMR of the benchmark people, old version",
    "benchmark_tmr_drop": "TMR lost by the benchmark people",
    "benchmark_tmr_recalibrated": "TMR of the benchmark people, new version at its own threshold",
    "benchmark_tmr_recalibrated_drop": "TMR lost by the benchmark people, thresholds recalibrated",
    "benchmark_cross_version_tmr": (
        "TMR of the benchmark people across the versions, both ways: all ordered pairs of photos"
    ),
    "benchmark_cross_version_tmr_drop": "TMR lost where an old gallery is kept",
    "benchmark_fmr": "FMR of the benchmark people, new version at the old threshold",
}
_KEPT = {
    "benchmark_non_mated_mean": "mean similarity of two benchmark people's photos, new version",
    "benchmark_non_mated_mean_before": "the same by the old version",
    "benchmark_rank1": "benchmark photos whose nearest other photo is of the same person, new",
    "benchmark_rank1_before": "the same by the old version",
    "benchmark_rank1_drop": "how much of it is lost",
    "benchmark_tpir": "TPIR at FPIR 1e-2 of the benchmark people, half of the photos enrolled, new",
    "benchmark_tpir_before": "the same by the old version",
    "benchmark_tpir_drop": "how much of it is lost",
}


def _at_all(table: Mapping[str, str]) -> dict[str, str]:
    return {
        at(name, fmr): f"{title} (FMR {label(fmr)})"
        for fmr in FMRS
        for name, title in table.items()
    }


SUBJECT_FIGURES = _at_all(FORGOTTEN_AT_FMR) | _FORGOTTEN
BENCHMARK_FIGURES = _at_all(KEPT_AT_FMR) | _KEPT
FIGURES = SUBJECT_FIGURES | BENCHMARK_FIGURES
