"""What a certification found, for people: the headline figures and three sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workers.certification.figures import Figure
from workers.certification.thresholds import Threshold
from workers.certification.verdict import Outcome, RuleResult, Verdict, verdict

Headline = dict[str, float | None]
NOT_MEASURED = "an unknown share (not measurable)"


def headline(
    means: Mapping[str, float | None], benchmark: Mapping[str, Figure], threshold: Threshold
) -> Headline:
    """At the first FMR, 1e-3, and its threshold on the old version."""
    return {
        "forget_tmr_before": means["forgotten_tmr_before@1e-3"],
        "forget_tmr_after": means["forgotten_tmr@1e-3"],
        "cross_version_tmr": means["forgotten_cross_version_tmr@1e-3"],
        "benchmark_tmr_before": benchmark["benchmark_tmr_before@1e-3"].estimate,
        "benchmark_tmr_after": benchmark["benchmark_tmr@1e-3"].estimate,
        "rank1_before": means["forgotten_rank1_before"],
        "rank1_after": means["forgotten_rank1"],
        "threshold": threshold.value,
        "fmr": threshold.rate,
    }


def sentences(found: Headline, rules: Sequence[RuleResult], subjects: int) -> list[str]:
    """Is the subject recognised, is everybody else, and what follows."""
    whose = "the subject" if subjects == 1 else f"the {subjects} subjects"
    forgotten = (
        f"Photos of {whose} that the erasure never saw match each other in "
        f"{percent(found['forget_tmr_after'])} of comparisons, "
        f"{percent(found['forget_tmr_before'])} before, and match old templates in "
        f"{percent(found['cross_version_tmr'])}; enrolled again with new photos, a search "
        f"finds {whose} first in {percent(found['rank1_after'])} of cases, "
        f"{percent(found['rank1_before'])} before."
    )
    kept = (
        f"Other people are matched to themselves in {percent(found['benchmark_tmr_after'])} of "
        f"comparisons, {percent(found['benchmark_tmr_before'])} before, at the threshold at which "
        f"1 in 1,000 comparisons of two different people matched."
    )
    return [forgotten, kept, _verdict(rules)]


def percent(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:.1%}"


def _verdict(rules: Sequence[RuleResult]) -> str:
    required = sum(result.rule.required for result in rules)
    if verdict(rules) is Verdict.PASSED:
        return f"All {required} required rules of the policy are kept: the certificate is passed."
    against = [result for result in rules if result.counts_against]
    names = ", ".join(f"{result.rule.id} ({_why(result.outcome)})" for result in against)
    return f"The certificate is refused: of {required} required rules, not kept are {names}."


def _why(outcome: Outcome) -> str:
    return "sample too small" if outcome is Outcome.INSUFFICIENT else "failed"
