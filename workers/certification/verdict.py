"""The verdict: each rule of a policy against its figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workers.certification.figures import DIGITS, Figure
from workers.certification.policy import Policy, Rule


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    INSUFFICIENT = "insufficient"  # too small a sample, or no figure: never a pass


class Verdict(StrEnum):
    PASSED = "passed"
    REFUSED = "refused"


@dataclass(frozen=True)
class RuleResult:
    """A rule, the figure it was held against, and what came of it."""

    rule: Rule
    figure: Figure
    outcome: Outcome
    reason: str | None  # why a sample does not suffice

    def document(self) -> dict[str, Any]:
        figure = self.figure.document()
        return {
            "id": self.rule.id,
            "text": self.rule.text,
            "figure": self.rule.figure,
            "comparison": self.rule.comparison,
            "threshold": self.rule.threshold,
            "judged": self.rule.judged,
            "minimum": dict(self.rule.minimum),
            "required": self.rule.required,
            "estimate": figure["estimate"],
            "interval": figure["interval"],
            "sample": figure["sample"],
            "outcome": str(self.outcome),
            "reason": self.reason,
        }

    def __str__(self) -> str:
        """One line: ``failed  forgotten: forgotten_tmr@1e-3 is 0.61, at most 0.1 is allowed``."""
        line = f"{self.outcome:<12}  {self.rule.id}: {self.rule.figure}"
        if self.figure.estimate is not None:
            bound = self.rule.comparison.replace("_", " ")
            line += f" is {self.figure.estimate:.4f}; {bound} {self.rule.threshold:g}"
        if self.reason is not None:
            line += f" ({self.reason})"
        return line if self.rule.required else f"{line} [not required]"

    @property
    def counts_against(self) -> bool:
        return self.rule.required and self.outcome is not Outcome.PASSED


def judge(rule: Rule, figure: Figure) -> RuleResult:
    reason = _insufficient(rule, figure)
    if reason is not None:
        return RuleResult(rule, figure, Outcome.INSUFFICIENT, reason)
    outcome = Outcome.PASSED if _slack(rule, figure) >= 0 else Outcome.FAILED
    return RuleResult(rule, figure, outcome, None)


def judge_all(policy: Policy, figures: Mapping[str, Figure]) -> tuple[RuleResult, ...]:
    return tuple(judge(rule, figures[rule.figure]) for rule in policy.rules)


def worst(results: Iterable[RuleResult]) -> RuleResult:
    """Of one rule's results for several subjects, the one that speaks most against."""
    order = (Outcome.FAILED, Outcome.INSUFFICIENT, Outcome.PASSED)

    def rank(result: RuleResult) -> tuple[int, float]:
        known = result.outcome is not Outcome.INSUFFICIENT
        slack = _slack(result.rule, result.figure) if known else 0.0
        return order.index(result.outcome), slack

    return min(results, key=rank)


def verdict(results: Iterable[RuleResult]) -> Verdict:
    against = any(result.counts_against for result in results)
    return Verdict.REFUSED if against else Verdict.PASSED


def _insufficient(rule: Rule, figure: Figure) -> str | None:
    """Why the figure cannot be judged by the rule, if so."""
    if figure.estimate is None:
        return figure.reason
    for sample, fewest in sorted(rule.minimum.items()):
        found = figure.sample.get(sample, 0)
        if found < fewest:
            return f"{found:,} {sample.replace('_', '-')}; the rule asks for {fewest:,}"
    if rule.judged == "interval" and figure.interval is None:
        return "no confidence interval"
    return None


def _slack(rule: Rule, figure: Figure) -> float:
    """How far the figure, as it is printed, is on the right side of the threshold."""
    if figure.estimate is None:
        return float("-inf")
    value = figure.estimate
    at_most = rule.comparison == "at_most"
    if rule.judged == "interval" and figure.interval is not None:
        value = figure.interval[1 if at_most else 0]
    value = round(value, DIGITS)
    return rule.threshold - value if at_most else value - rule.threshold
