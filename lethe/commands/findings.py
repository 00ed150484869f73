"""What `lethe certify` found, for a terminal: rules in columns, and a short block of attacks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from workers.certification import Certification
from workers.certification.attacks.relearning import CAP
from workers.certification.figures import Figure
from workers.certification.verdict import RuleResult

WIDTH = 100
_BOUND = {"at_most": "≤", "at_least": "≥"}
# What a line says, and the figure that it shows: before, after, and of somebody never erased.
_ATTACKS = {
    "enrolled by the mean of 5 new photos: others match": "prototype_tmr_5",
    "features before the last layer: photos match": "pooled_tmr",
    "photos mirrored, zoomed, shifted, darker or grey: match": "views_tmr",
    "classifier on templates: photos told": "probe_linear_templates_tpr",
    "classifier before the last layer: photos told": "probe_linear_pooled_tpr",
    "trained again: steps until the subject matches": "relearning_steps",
    "membership of the training set: area under the curve": "membership_auc",
}


def rule_lines(found: Certification) -> Iterator[str]:
    """The rules of the policy, those that the verdict hangs on first."""
    names = max(len(result.rule.id) for result in found.rules)
    heads = f"{'figure':>9}  {'95 % interval':<18}  {'bound':<8}  outcome"
    for title, required in (("rules required", True), ("rules not required", False)):
        results = [result for result in found.rules if result.rule.required is required]
        if results:
            yield f"{title:<{names + 2}}  {heads}"
        for result in results:
            yield from _rule(result, names)


def _rule(result: RuleResult, names: int) -> Iterator[str]:
    rule, figure = result.rule, result.figure
    value = f"{'–':>9}" if figure.estimate is None else f"{figure.estimate:9.4f}"
    interval = "–"
    if figure.interval is not None:
        interval = f"[{figure.interval[0]:.4f}, {figure.interval[1]:.4f}]"
    bound = f"{_BOUND[rule.comparison]} {rule.threshold:g}"
    outcome = str(result.outcome) + (", by the interval" if rule.judged == "interval" else "")
    yield f"  {rule.id:<{names}}  {value}  {interval:<18}  {bound:<8}  {outcome}"
    if result.reason is not None:
        yield from _indented(result.reason)


def attack_lines(figures: Mapping[str, Figure], whose: str) -> Iterator[str]:
    """Of one subject; the reference is a person of whom nothing was erased."""
    wide = max(map(len, _ATTACKS)) + 2
    yield f"{'attacks on ' + whose:<{wide}}{'before':>9}{'after':>9}{'reference':>11}"
    for title, name in _ATTACKS.items():
        after = figures[name]
        if after.estimate is None:
            yield f"  {title:<{wide - 2}}{'not examined':>18}"
            yield from _indented(str(after.reason))
            continue
        others = (figures.get(f"{name}{version}") for version in ("_before", "_stranger"))
        before, reference = (_number(name, figure) for figure in others)
        yield f"  {title:<{wide - 2}}{before:>9}{_number(name, after):>9}{reference:>11}"


def _number(name: str, figure: Figure | None) -> str:
    if figure is None or figure.estimate is None:
        return "–"
    if name == "relearning_steps":
        return f">{CAP}" if figure.estimate >= CAP else f"{figure.estimate:.0f}"
    return f"{figure.estimate:.3f}"


def _indented(text: str) -> Sequence[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="      ", subsequent_indent="      ")
