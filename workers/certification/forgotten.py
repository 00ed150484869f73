"""Is the subject still recognised, and did they become somebody else? One subject's figures.

Held-out photos are the only probes: the unlearning never saw them. Forget photos serve as the old
gallery (their *old* templates are what an operator has kept), never by the new version, which was
trained to scatter them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from workers.certification.compactness import compactness, ratios
from workers.certification.comparisons import mated_counts, mated_scores
from workers.certification.evidence import SubjectTemplates, nearest_people
from workers.certification.figures import (
    FORGOTTEN_AT_FMR,
    Figure,
    at,
    measure,
    missing,
    missing_at,
    proportion,
)
from workers.certification.intervals import Floats, pair_replicates, ratio_replicates
from workers.certification.retained import Benchmark
from workers.certification.searches import best_scores, reenrol
from workers.certification.templates import People, Templates
from workers.certification.thresholds import FMRS, Threshold

NEIGHBOURS = 3  # benchmark people looked at for damage
Pairs = NDArray[np.bool_]  # (n, n)


@dataclass(frozen=True)
class Forgotten:
    """One subject's templates against the benchmark's."""

    subject: SubjectTemplates
    benchmark: Benchmark

    def figures(self) -> dict[str, Figure]:
        """All of ``figures.SUBJECT_FIGURES``."""
        found: dict[str, Figure] = {}
        for fmr in FMRS:
            old = self.benchmark.thresholds[fmr]
            new = self.benchmark.recalibrated[fmr]
            if old.value is None or new.value is None:
                found |= missing_at(FORGOTTEN_AT_FMR, old)
                continue
            figures = self._matches(old, old.value, new.value) | self._impersonation(old, old.value)
            figures["neighbours_tmr_drop"] = self._neighbours(old, old.value)
            found |= {at(name, fmr): figure for name, figure in figures.items()}
        return found | self._searches() | self._compactness()

    def _matches(self, threshold: Threshold, old: float, new: float) -> dict[str, Figure]:
        held_out = self.subject.held_out
        within = {
            "forgotten_tmr": (held_out.new, old),
            "forgotten_tmr_before": (held_out.old, old),
            "forgotten_tmr_recalibrated": (held_out.new, new),
        }
        found = {name: self._held_out_tmr(*of, threshold) for name, of in within.items()}
        return found | {"forgotten_cross_version_tmr": self._cross_version_tmr(old, threshold)}

    def _held_out_tmr(self, templates: Templates, value: float, threshold: Threshold) -> Figure:
        compared = np.triu(np.ones((len(templates), len(templates)), dtype=bool), k=1)
        return self._tmr((templates @ templates.T) >= value, compared, len(templates), threshold)

    def _cross_version_tmr(self, value: float, threshold: Threshold) -> Figure:
        """New held-out probes against the old templates of all the subject's other photos."""
        probes, gallery = self.subject.held_out.new, self.subject.photos.old
        compared = np.zeros((len(gallery), len(gallery)), dtype=bool)
        compared[: len(probes)] = ~np.eye(len(probes), len(gallery), dtype=bool)
        matched = np.zeros_like(compared)
        matched[: len(probes)] = (probes @ gallery.T) >= value
        return self._tmr(matched, compared, len(probes), threshold)

    def _tmr(self, matched: Pairs, compared: Pairs, photos: int, threshold: Threshold) -> Figure:
        """Of the pairs that are compared, how many match; photos are resampled."""
        comparisons = int(compared.sum())
        sample = {
            "photos": photos,
            "comparisons": comparisons,
            "non_mated": threshold.trials,
        }
        if not comparisons:
            return missing(f"{photos} held-out photo; a comparison needs two", **sample)
        values, counts = (matched & compared).astype(float), compared.astype(float)
        replicates = pair_replicates(values, counts, self.benchmark.seed)
        return proportion(values.sum() / comparisons, replicates, photos, sample)

    def _impersonation(self, threshold: Threshold, value: float) -> dict[str, Figure]:
        """FPIR of the subject's probes in a gallery of everybody else.

        The nominal rate is that of the benchmark people's own photos by the old version, each
        searched with their person removed. Outsiders lie above it, for the gallery lacks one
        person in those searches and set the threshold itself; and some people resemble somebody
        to begin with. So the excess is over the nominal rate or the subject's own by the old
        version, whichever is higher.
        """
        probes, benchmark = self.subject.held_out, self.benchmark
        rates = {
            "impersonation_fpir": best_scores(benchmark.new.templates, probes.new) >= value,
            "impersonation_fpir_before": best_scores(benchmark.old.templates, probes.old) >= value,
            "impersonation_cross_version_fpir": (
                best_scores(benchmark.old.templates, probes.new) >= value
            ),
        }
        found = {name: self._share(hits.astype(float), threshold) for name, hits in rates.items()}
        nominal, replicates = self._nominal(value)
        people, searches = len(benchmark.old), len(benchmark.old_searches)
        sample = {"people": people, "searches": searches, "non_mated": threshold.trials}
        found["impersonation_nominal_fpir"] = proportion(nominal, replicates, people, sample)
        before = rates["impersonation_fpir_before"].astype(float)
        allowed = max(nominal, before.mean())
        allowances = np.maximum(replicates, _mean_replicates(before, benchmark.seed))
        for kind in ("impersonation", "impersonation_cross_version"):
            hits = rates[f"{kind}_fpir"].astype(float)
            found[f"{kind}_excess"] = measure(
                hits.mean() - allowed,
                _mean_replicates(hits, benchmark.seed) - allowances,
                found[f"{kind}_fpir"].sample,
            )
        return found

    def _nominal(self, value: float) -> tuple[float, Floats]:
        people = self.benchmark.old
        hits = self.benchmark.old_searches >= value
        by_person = np.bincount(people.owners, weights=hits, minlength=len(people))
        # Another seed than the subject's: the photos drawn have nothing to do with the people.
        replicates = ratio_replicates(by_person, people.sizes, self.benchmark.seed + 1)
        return float(hits.mean()), replicates

    def _share(self, values: Floats, threshold: Threshold | None = None) -> Figure:
        """The mean over held-out photos, which are resampled."""
        sample = {"photos": len(values), "searches": len(values)}
        if threshold is not None:
            sample["non_mated"] = threshold.trials
        replicates = _mean_replicates(values, self.benchmark.seed)
        return proportion(float(values.mean()), replicates, len(values), sample)

    def _neighbours(self, threshold: Threshold, value: float) -> Figure:
        """What the benchmark people most like the subject have lost."""
        benchmark = self.benchmark
        nearest = nearest_people(self.subject.photos.old, benchmark.old, NEIGHBOURS)
        old, new = benchmark.old.select(nearest), benchmark.new.select(nearest)
        before, after = mated_counts(old, value), mated_counts(new, value)
        if not before[1].any():
            return missing("the people most like the subject have one photo each")
        return replace(benchmark, old=old, new=new).drop(before, after, threshold)

    def _searches(self) -> dict[str, Figure]:
        """Enrolled again with half of the held-out photos, searched with the other half."""
        found: dict[str, Figure] = {}
        held_out, benchmark = self.subject.held_out, self.benchmark
        versions: Mapping[str, tuple[Templates, People]] = {
            "": (held_out.new, benchmark.new),
            "_before": (held_out.old, benchmark.old),
        }
        for version, (templates, people) in versions.items():
            for gallery in ("", "_centroid"):
                names = [f"forgotten_{rate}{gallery}{version}" for rate in ("rank1", "tpir")]
                figures = self._reenrolled(templates, people, by_centroid=bool(gallery))
                found |= dict(zip(names, figures, strict=True))
        return found

    def _reenrolled(
        self, templates: Templates, people: People, *, by_centroid: bool
    ) -> tuple[Figure, Figure]:
        """Rank-1 and TPIR."""
        if len(templates) < 2:
            none = missing("1 held-out photo; to enrol and to search takes two", photos=1)
            return none, none
        seed = self.benchmark.seed
        result = reenrol(templates, people, by_centroid=by_centroid, seed=seed)
        rank1 = self._share(result.rank1)
        if result.tpir is None:
            return rank1, missing(f"no threshold: {result.threshold.reason}", **rank1.sample)
        return rank1, self._share(result.tpir)

    def _compactness(self) -> dict[str, Figure]:
        held_out, (old, new) = self.subject.held_out, self.benchmark.mean_non_mated
        return {
            "forgotten_compactness": self._compact(held_out.new, new),
            "forgotten_compactness_before": self._compact(held_out.old, old),
        }

    def _compact(self, templates: Templates, non_mated: float) -> Figure:
        photos = len(templates)
        sample = {"photos": photos, "comparisons": photos * (photos - 1) // 2}
        if photos < 2:
            return missing("1 held-out photo; a comparison needs two", **sample)
        counts = np.triu(np.ones((photos, photos)), k=1)
        mated = pair_replicates((templates @ templates.T) * counts, counts, self.benchmark.seed)
        estimate = compactness(float(mated_scores(templates).mean()), non_mated)
        return measure(estimate, ratios(mated, non_mated), sample)


def _mean_replicates(values: Floats, seed: int) -> Floats:
    return ratio_replicates(values, np.ones(len(values)), seed)
