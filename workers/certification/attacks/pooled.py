"""Do the features before the last linear layer still know the subject?

A classifier that is moved away from features which stay as they were seems to have forgotten
(Gao et al. 2026, arXiv 2604.08271; Kim, Cha and Kim 2025, arXiv 2503.06991). For a recogniser the
last linear layer is that classifier: whoever has the weights leaves it off, compares the features
before it, and sets a threshold of their own.

Features that know nobody don't know the subject either: scaled channel by channel, which the last
layer undoes, they match no one while the templates stay as they were. So what everybody else loses
by the features is a figure, too.
"""

from __future__ import annotations

from workers.certification.attacks.photo_pairs import tmr
from workers.certification.comparisons import mated_counts
from workers.certification.evidence import SubjectTemplates
from workers.certification.figures import Figure, missing, without
from workers.certification.retained import Benchmark
from workers.certification.thresholds import Threshold

NO_LAYER = "one of the two networks has no linear layer at its end"

TITLES = {
    "pooled_tmr": "TMR (FMR 1e-3) of held-out photos by the features before the last linear layer",
    "pooled_tmr_before": "the same by the old version",
    "pooled_kept_drop": "TMR (FMR 1e-3) that everybody else loses by these features",
}


def figures(subject: SubjectTemplates, benchmark: Benchmark) -> dict[str, Figure]:
    """All of ``TITLES``, each version at a threshold of its own."""
    if subject.pooled is None or benchmark.pooled_thresholds is None:
        return {name: missing(NO_LAYER) for name in TITLES}
    before, after = benchmark.pooled_thresholds  # the same for all subjects
    return {
        "pooled_tmr": tmr(subject.pooled.new, after, benchmark.seed),
        "pooled_tmr_before": tmr(subject.pooled.old, before, benchmark.seed),
        "pooled_kept_drop": _kept_drop(benchmark, before, after),
    }


def _kept_drop(benchmark: Benchmark, before: Threshold, after: Threshold) -> Figure:
    if benchmark.pooled is None or before.value is None or after.value is None:
        return without(before)  # both are set on as many comparisons
    old, new = benchmark.pooled
    counts = mated_counts(old, before.value), mated_counts(new, after.value)
    return benchmark.drop(*counts, after)
