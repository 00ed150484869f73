"""Is everybody else untouched? The figures of the benchmark people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from storage.errors import BadInput
from workers.certification.comparisons import (
    cross_version_counts,
    false_matches,
    mated_counts,
    mean_non_mated,
    non_mated_count,
)
from workers.certification.figures import (
    KEPT_AT_FMR,
    Figure,
    at,
    measure,
    missing,
    missing_at,
    proportion,
    ratio,
    without,
)
from workers.certification.intervals import (
    Floats,
    ratio_replicates,
    sparse_pair_replicates,
    weights,
)
from workers.certification.searches import non_mated_searches, open_set, own_best
from workers.certification.templates import Counts, People, Scores
from workers.certification.thresholds import FMRS, FPIR, Threshold, at_fmr, label

Matches = tuple[Counts, Counts]  # matches and comparisons of each person, (P,) each
LOWEST_TMR = 0.2  # of the old version at FMR 1e-3: below, it recognises nobody to begin with


class BadBenchmark(BadInput):
    """Benchmark people that cannot judge anything."""


@dataclass(frozen=True)
class Benchmark:
    """The benchmark people by both versions, and what all subjects' figures share of them."""

    old: People
    new: People
    seed: int
    pooled: tuple[People, People] | None = None  # features before the last linear layer, old, new

    @cached_property
    def thresholds(self) -> dict[float, Threshold]:
        """Set on the old version: the ones in use."""
        return at_fmr(self.old)

    @cached_property
    def recalibrated(self) -> dict[float, Threshold]:
        """Set on the new version."""
        return at_fmr(self.new)

    @cached_property
    def pooled_thresholds(self) -> tuple[Threshold, Threshold] | None:
        """At FMR 1e-3 on the features before the last linear layer, each version's own."""
        if self.pooled is None:
            return None
        old, new = (at_fmr(people, FMRS[:1])[FMRS[0]] for people in self.pooled)
        return old, new

    @cached_property
    def old_searches(self) -> Scores:
        """(N,): each photo's best score among everybody else, old version."""
        return non_mated_searches(self.old, self.old)

    @cached_property
    def mean_non_mated(self) -> tuple[float, float]:
        """Mean similarity of two people's photos, old and new version."""
        return mean_non_mated(self.old), mean_non_mated(self.new)

    def check(self) -> None:
        """
        Raises:
            BadBenchmark: too few comparisons, or an old version that recognises nobody.
        """
        threshold = self.thresholds[FMRS[0]]
        if threshold.value is None:
            raise BadBenchmark(f"benchmark: {threshold.reason}; add people or photos")
        tmr = ratio(*mated_counts(self.old, threshold.value))
        if tmr < LOWEST_TMR:
            raise BadBenchmark(
                f"benchmark: the old model matches {tmr:.1%} of mated comparisons at FMR 1e-3, "
                f"less than {LOWEST_TMR:.0%}, so nothing can be said of what is kept; "
                f"check that every folder holds one person and the crops are aligned"
            )

    def figures(self) -> dict[str, Figure]:
        """All of ``figures.BENCHMARK_FIGURES``."""
        found: dict[str, Figure] = self._rank1() | self._tpir() | self._non_mated_means()
        for fmr in FMRS:
            old = self.thresholds[fmr]
            if old.value is None:
                found |= missing_at(KEPT_AT_FMR, old)
                continue
            figures = self._at_fmr(old, old.value, self.recalibrated[fmr])
            found |= {at(name, fmr): figure for name, figure in figures.items()}
        return found

    def _at_fmr(self, threshold: Threshold, value: float, own: Threshold) -> Mapping[str, Figure]:
        """At the old version's ``threshold`` and, recalibrated, at the new version's own."""
        before = mated_counts(self.old, value)
        after = mated_counts(self.new, value)
        crossed = cross_version_counts(self.old, self.new, value)
        recalibrated = drop = without(own)
        if own.value is not None:
            counts = mated_counts(self.new, own.value)
            recalibrated, drop = self._tmr(counts, own), self.drop(before, counts, own)
        return {
            "benchmark_tmr_before": self._tmr(before, threshold),
            "benchmark_tmr": self._tmr(after, threshold),
            "benchmark_tmr_drop": self.drop(before, after, threshold),
            "benchmark_tmr_recalibrated": recalibrated,
            "benchmark_tmr_recalibrated_drop": drop,
            "benchmark_cross_version_tmr": self._tmr(crossed, threshold),
            "benchmark_cross_version_tmr_drop": self.drop(before, crossed, threshold),
            "benchmark_fmr": self._fmr(value, threshold),
        }

    def _tmr(self, counts: Matches, threshold: Threshold) -> Figure:
        """Of all mated comparisons of all people, as ISO/IEC 19795-1 pools them."""
        matches, comparisons = counts
        rates = _rates(counts)
        worst = int(np.nanargmin(rates))
        figure = proportion(
            ratio(matches, comparisons),
            ratio_replicates(matches, comparisons, self.seed),
            len(self.old),
            self._sample(comparisons, threshold),
        )
        return _with_worst(figure, float(rates[worst]), self.old.names[worst])

    def drop(self, before: Matches, after: Matches, threshold: Threshold) -> Figure:
        """TMR before minus TMR after, the same people resampled in both."""
        replicates = ratio_replicates(*before, self.seed) - ratio_replicates(*after, self.seed)
        lost = _rates(before) - _rates(after)
        worst = int(np.nanargmax(lost))
        return measure(
            ratio(*before) - ratio(*after),
            replicates,
            self._sample(after[1], threshold),
            (float(lost[worst]), self.old.names[worst]),
        )

    def _fmr(self, value: float, threshold: Threshold) -> Figure:
        found = false_matches(self.new, value)
        pairs = found.first, found.second
        return proportion(
            int(found.matches.sum()) / non_mated_count(self.new),
            sparse_pair_replicates(pairs, found.matches, self.new.sizes, self.seed),
            len(self.new),
            {"people": len(self.new), "non_mated": threshold.trials},
        )

    def _sample(self, comparisons: Counts, threshold: Threshold) -> dict[str, int]:
        return {
            "people": int(np.count_nonzero(comparisons)),
            "comparisons": int(comparisons.sum()),
            "non_mated": threshold.trials,
        }

    def _rank1(self) -> dict[str, Figure]:
        return self._searched("benchmark_rank1", self._first(self.old), self._first(self.new))

    def _tpir(self) -> dict[str, Figure]:
        before, after = open_set(self.old, self.seed), open_set(self.new, self.seed)
        name = "benchmark_tpir"
        if before.identified is None or after.identified is None:
            none = missing(f"no threshold at FPIR {label(FPIR)}: {before.threshold.reason}")
            return dict.fromkeys((name, f"{name}_before", f"{name}_drop"), none)
        return self._searched(name, before.identified, after.identified)

    def _searched(self, name: str, before: Counts, after: Counts) -> dict[str, Figure]:
        """(P,) searches that found the person, of one with each photo of those who have two."""
        able = self.old.sizes >= 2
        before, after, photos = before[able], after[able], self.old.sizes[able]
        sample = {"people": len(photos), "searches": int(photos.sum())}
        replicates = [ratio_replicates(found, photos, self.seed) for found in (before, after)]
        lost = ratio(before, photos) - ratio(after, photos)
        return {
            f"{name}_before": proportion(ratio(before, photos), replicates[0], len(photos), sample),
            name: proportion(ratio(after, photos), replicates[1], len(photos), sample),
            f"{name}_drop": measure(lost, replicates[0] - replicates[1], sample),
        }

    def _non_mated_means(self) -> dict[str, Figure]:
        """Beside the subject's mean mated similarity; people are resampled."""
        name, (old, new) = "benchmark_non_mated_mean", self.mean_non_mated
        sample = {"people": len(self.old), "non_mated": non_mated_count(self.old)}
        return {
            f"{name}_before": measure(old, _non_mated_replicates(self.old, self.seed), sample),
            name: measure(new, _non_mated_replicates(self.new, self.seed), sample),
        }

    def _first(self, people: People) -> Counts:
        """(P,): how many of each person's photos have one of the same person as the nearest."""
        found = own_best(people) > self._searches(people)
        return np.bincount(people.owners, weights=found, minlength=len(people)).astype(np.int64)

    def _searches(self, people: People) -> Scores:
        return self.old_searches if people is self.old else non_mated_searches(people, people)


def _rates(counts: Matches) -> Floats:
    """(P,) TMR of each person; NaN for those without mated comparisons."""
    matches, comparisons = counts
    empty = np.full(len(matches), np.nan)
    rates: Floats = np.divide(matches, comparisons, out=empty, where=comparisons > 0)
    return rates


def _non_mated_replicates(people: People, seed: int) -> Floats:
    """(REPLICATES,): the mean over pairs of different people, from each person's sum of templates.

    Of all wᵢwⱼ sᵢ·sⱼ with i < j: half of what (Σ wᵢ sᵢ)² is more than Σ wᵢ² sᵢ².
    """
    drawn, sizes = weights(len(people), seed), people.sizes.astype(np.float64)
    sums = np.add.reduceat(people.templates.astype(np.float64), people.starts[:-1], axis=0)
    similar = np.square(drawn @ sums).sum(axis=1) - np.square(drawn) @ np.square(sums).sum(axis=1)
    pairs = np.square(drawn @ sizes) - np.square(drawn) @ np.square(sizes)
    found: Floats = np.divide(similar, pairs, out=np.full_like(pairs, np.nan), where=pairs > 0)
    return found


def _with_worst(figure: Figure, worst: float, person: str) -> Figure:
    return Figure(figure.estimate, figure.interval, figure.sample, worst, person)
