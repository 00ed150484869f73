"""The figures of a finished ticket as the pages show them; what is absent is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import LazyString, format_decimal
from flask_babel import lazy_gettext as _

from storage.tickets.events import Event


@dataclass(frozen=True)
class Row:
    label: LazyString
    wish: str  # which way is good
    before: float | None
    after: float | None


# label, which way is good, keys of the figure before and after
_ROWS = (
    (_("The subject, held-out photos: TMR"), "low", "forget_tmr_before", "forget_tmr_after"),
    (_("The subject, old template against new probe: TMR"), "low", None, "cross_version_tmr"),
    (_("The subject, found first after enrolling again"), "low", "rank1_before", "rank1_after"),
    (
        _("Everybody else, benchmark faces: TMR"),
        "high",
        "benchmark_tmr_before",
        "benchmark_tmr_after",
    ),
)


def rows(result: Mapping[str, Any]) -> list[Row]:
    """One row for each rate (0…1) that the result's headline holds."""
    headline = result.get("headline")
    if not isinstance(headline, Mapping):
        return []
    found = [
        Row(label, wish, _rate(headline, before), _rate(headline, after))
        for label, wish, before, after in _ROWS
    ]
    return [row for row in found if row.before is not None or row.after is not None]


@dataclass(frozen=True)
class Rule:
    """A rule of the policy and what came of it, as the certification says."""

    text: str
    figure: float | None
    bound: str
    outcome: str  # passed, failed, insufficient
    required: bool

    @property
    def missed(self) -> bool:
        """Whether it stands in the way of the verdict."""
        return self.required and self.outcome != "passed"


def rules(events: Sequence[Event]) -> list[Rule]:
    """Those of the last certification, the missed ones first; none where there are none."""
    for event in reversed(events):
        facts = event.data.get("facts", event.data)
        found = facts.get("certification") if isinstance(facts, Mapping) else None
        if isinstance(found, Mapping) and isinstance(found.get("rules"), list):
            rules = [_rule(rule) for rule in found["rules"] if isinstance(rule, Mapping)]
            return sorted(rules, key=lambda rule: not rule.missed)
    return []


def _rule(rule: Mapping[str, Any]) -> Rule:
    estimate, threshold = rule.get("estimate"), rule.get("threshold")
    sign = "≤" if rule.get("comparison") == "at_most" else "≥"
    return Rule(
        text=str(rule.get("text", "")),
        figure=float(estimate) if isinstance(estimate, int | float) else None,
        bound=f"{sign} {written(threshold, 6)}" if isinstance(threshold, int | float) else "",
        outcome=str(rule.get("outcome", "")),
        required=bool(rule.get("required", True)),
    )


def basis(result: Mapping[str, Any]) -> str:
    """At which FMR and threshold the rates hold."""
    headline = result.get("headline")
    if not isinstance(headline, Mapping):
        return ""
    parts = []
    if isinstance(fmr := headline.get("fmr"), int | float):
        parts.append(f"FMR {written(fmr, 6)}")
    if isinstance(threshold := headline.get("threshold"), int | float):
        parts.append(str(_("cosine %(value)s", value=format_decimal(threshold, "0.000"))))
    return ", ".join(parts)


def written(value: float, digits: int = 3) -> str:
    """A figure to so many significant digits."""
    return str(format_decimal(value, "@" + "#" * (digits - 1)))


def summary(result: Mapping[str, Any]) -> list[str]:
    """The verdict's sentences."""
    found = result.get("summary", [])
    return [str(item) for item in found] if isinstance(found, list) else [str(found)]


def verdict_tone(verdict: object) -> str:
    return "good" if verdict == "passed" else "bad"


def _rate(headline: Mapping[str, Any], key: str | None) -> float | None:
    value = headline.get(key) if key else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        return None
    return float(value)
