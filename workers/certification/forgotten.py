"""Is the subject still recognised, and did they become somebody else? One subject's figures.

Held-out photos are the only probes: the unlearning never saw them. Forget photos serve as the old
gallery (their *old* templates are what an operator has kept). By the new version, which was trained
to scatter them, they are a gallery for old probes alone, in the reverse cross-version figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from workers.certification.compactness import compactness, ratios
from workers.certification.comparisons import cross_version_counts, mated_counts, mated_scores
from workers.certification.evidence import SubjectTemplates, nearest_people
from workers.certification.figures import (
    FORGOTTEN_AT_FMR,
    Figure,
    at,
    measure,
    missing,
    missing_at,
    proportion,
    without,
)
from workers.certification.intervals import Floats, pair_replicates, ratio_replicates
from workers.certification.reenrolment import (
    Reenrolment,
    found_by_rank,
    reenrol,
    reenrol_centroids,
    reenrol_equal,
)
from workers.certification.retained import Benchmark
from workers.certification.searches import best_scores
from workers.certification.templates import People, Templates
from workers.certification.thresholds import FMRS, Threshold

NEIGHBOURS = 3  # benchmark people looked at for damage
LATER_RANKS = (5, 10)
# How everybody is enrolled, by what figures' names say of it.
REENROLMENTS: Mapping[str, Callable[[Templates, People, int], Reenrolment]] = {
    "": reenrol,
    "_equal": reenrol_equal,
    "_centroid": reenrol_centroids,
}
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
            if old.value is None:
                found |= missing_at(FORGOTTEN_AT_FMR, old)
                continue
            figures = self._matches(old, old.value, self.benchmark.recalibrated[fmr])
            figures |= self._impersonation(old, old.value) | self._neighbours(old, old.value)
            found |= {at(name, fmr): figure for name, figure in figures.items()}
        return found | self._searches() | self._clustering()

    def _matches(self, threshold: Threshold, value: float, own: Threshold) -> dict[str, Figure]:
        """At the old version's ``threshold`` and, recalibrated, at the new version's own."""
        held_out, photos = self.subject.held_out, self.subject.photos
        recalibrated = without(own)
        if own.value is not None:
            recalibrated = self._held_out_tmr(held_out.new, own.value, own)
        return {
            "forgotten_tmr": self._held_out_tmr(held_out.new, value, threshold),
            "forgotten_tmr_before": self._held_out_tmr(held_out.old, value, threshold),
            "forgotten_tmr_recalibrated": recalibrated,
            "forgotten_cross_version_tmr": self._cross_version_tmr(
                held_out.new, photos.old, value, threshold
            ),
            "forgotten_cross_version_reverse_tmr": self._cross_version_tmr(
                held_out.old, photos.new, value, threshold
            ),
            "forgotten_same_photo_tmr": self._same_photo_tmr(value, threshold),
        }

    def _held_out_tmr(self, templates: Templates, value: float, threshold: Threshold) -> Figure:
        compared = np.triu(np.ones((len(templates), len(templates)), dtype=bool), k=1)
        return self._tmr((templates @ templates.T) >= value, compared, len(templates), threshold)

    def _cross_version_tmr(
        self, probes: Templates, gallery: Templates, value: float, threshold: Threshold
    ) -> Figure:
        """Held-out probes against one version's templates of all the subject's other photos."""
        compared = np.zeros((len(gallery), len(gallery)), dtype=bool)
        compared[: len(probes)] = ~np.eye(len(probes), len(gallery), dtype=bool)
        matched = np.zeros_like(compared)
        matched[: len(probes)] = (probes @ gallery.T) >= value
        return self._tmr(matched, compared, len(probes), threshold)

    def _same_photo_tmr(self, value: float, threshold: Threshold) -> Figure:
        """Each held-out photo against its own old template: the comparisons that TMR leaves out."""
        held_out = self.subject.held_out
        matched = np.einsum("nd,nd->n", held_out.new, held_out.old) >= value
        photos = len(matched)
        sample = {"photos": photos, "comparisons": photos, "non_mated": threshold.trials}
        hits = matched.astype(float)
        replicates = _mean_replicates(hits, self.benchmark.seed)
        return proportion(hits.mean(), replicates, photos, sample)

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
        trials = {"non_mated": threshold.trials}
        found = {name: self._share(hits.astype(float), trials) for name, hits in rates.items()}
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

    def _share(self, values: Floats, more: Mapping[str, int]) -> Figure:
        """The mean over searches with held-out photos, which are resampled."""
        sample = {"photos": len(values), "searches": len(values), **more}
        replicates = _mean_replicates(values, self.benchmark.seed)
        return proportion(float(values.mean()), replicates, len(values), sample)

    def _neighbours(self, threshold: Threshold, value: float) -> dict[str, Figure]:
        """What the benchmark people most like the subject have lost."""
        benchmark = self.benchmark
        nearest = nearest_people(self.subject.photos.old, benchmark.old, NEIGHBOURS)
        old, new = benchmark.old.select(nearest), benchmark.new.select(nearest)
        before, after = mated_counts(old, value), mated_counts(new, value)
        if not before[1].any():
            none = missing("the people most like the subject have one photo each")
            return dict.fromkeys(("neighbours_tmr_drop", "neighbours_cross_version_tmr_drop"), none)
        neighbours = replace(benchmark, old=old, new=new, pooled=None)
        crossed = cross_version_counts(old, new, value)
        return {
            "neighbours_tmr_drop": neighbours.drop(before, after, threshold),
            "neighbours_cross_version_tmr_drop": neighbours.drop(before, crossed, threshold),
        }

    def _searches(self) -> dict[str, Figure]:
        """Enrolled again with half of the held-out photos, searched with the other half."""
        held_out, benchmark = self.subject.held_out, self.benchmark
        versions: Mapping[str, tuple[Templates, People]] = {
            "": (held_out.new, benchmark.new),
            "_before": (held_out.old, benchmark.old),
        }
        found: dict[str, Figure] = {}
        for version, (templates, people) in versions.items():
            if len(templates) < 2:
                none = missing("1 held-out photo; to enrol and to search takes two", photos=1)
                rates = [
                    f"{rate}{gallery}" for gallery in REENROLMENTS for rate in ("rank1", "tpir")
                ]
                rates += [f"rank{rank}" for rank in LATER_RANKS]
                found |= {f"forgotten_{rate}{version}": none for rate in rates}
                continue
            for gallery, enrol in REENROLMENTS.items():
                result = enrol(templates, people, benchmark.seed)
                for rate, figure in self._reenrolled(result, people).items():
                    found[f"forgotten_{rate}{gallery}{version}"] = figure
            for rank, figure in self._later_ranks(templates, people).items():
                found[f"forgotten_rank{rank}{version}"] = figure
        return found

    def _reenrolled(self, result: Reenrolment, people: People) -> dict[str, Figure]:
        gallery = {"people": len(people), "templates": result.templates}
        rank1 = self._share(result.rank1, gallery)
        if result.tpir is not None:
            return {"rank1": rank1, "tpir": self._share(result.tpir, gallery)}
        none = missing(f"no threshold: {result.threshold.reason}", **rank1.sample)
        return {"rank1": rank1, "tpir": none}

    def _later_ranks(self, templates: Templates, people: People) -> dict[int, Figure]:
        found, figures = found_by_rank(templates, people), {}
        gallery = {"people": len(people), "templates": len(people.templates)}
        for rank in LATER_RANKS:
            figure = self._share(found[:, rank - 1], gallery)
            if len(people) < rank:
                reason = f"{len(people)} benchmark people: everybody is found by rank {rank}"
                figure = missing(reason, **figure.sample)
            figures[rank] = figure
        return figures

    def _clustering(self) -> dict[str, Figure]:
        held_out, (old, new) = self.subject.held_out, self.benchmark.mean_non_mated
        found: dict[str, Figure] = {}
        for version, templates, non_mated in (
            ("", held_out.new, new),
            ("_before", held_out.old, old),
        ):
            mean, compact = self._compact(templates, non_mated)
            found[f"forgotten_mated_mean{version}"] = mean
            found[f"forgotten_compactness{version}"] = compact
        return found

    def _compact(self, templates: Templates, non_mated: float) -> tuple[Figure, Figure]:
        """The mean mated similarity, and the compactness that follows from it."""
        photos = len(templates)
        sample = {"photos": photos, "comparisons": photos * (photos - 1) // 2}
        if photos < 2:
            none = missing("1 held-out photo; a comparison needs two", **sample)
            return none, none
        counts = np.triu(np.ones((photos, photos)), k=1)
        mated = pair_replicates((templates @ templates.T) * counts, counts, self.benchmark.seed)
        mean = float(mated_scores(templates).mean())
        return (
            measure(mean, mated, sample),
            measure(compactness(mean, non_mated), ratios(mated, non_mated), sample),
        )


def _mean_replicates(values: Floats, seed: int) -> Floats:
    return ratio_replicates(values, np.ones(len(values)), seed)
