"""The figures of a finished ticket as the pages show them; what is absent is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    label: str
    wish: str  # which way is good
    before: float | None
    after: float | None


# label, which way is good, keys of the figure before and after
_ROWS = (
    ("The subject, held-out photos: TMR", "low", "forget_tmr_before", "forget_tmr_after"),
    ("The subject, old template against new probe: TMR", "low", None, "cross_version_tmr"),
    ("The subject, found first after enrolling again", "low", "rank1_before", "rank1_after"),
    ("Everybody else, benchmark faces: TMR", "high", "benchmark_tmr_before", "benchmark_tmr_after"),
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


def basis(result: Mapping[str, Any]) -> str:
    """At which FMR and threshold the rates hold."""
    headline = result.get("headline")
    if not isinstance(headline, Mapping):
        return ""
    parts = []
    if isinstance(fmr := headline.get("fmr"), int | float):
        parts.append(f"FMR {fmr:g}")
    if isinstance(threshold := headline.get("threshold"), int | float):
        parts.append(f"cosine {threshold:.3f}")
    return ", ".join(parts)


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
