"""What a certification found, in sentences of the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from web.filters import percent
from web.language import language
from web.tickets.figures import Rule, summary


def sentences(result: Mapping[str, Any], rules: Sequence[Rule]) -> list[str]:
    """Word for word those of the certificate, which are English; else the same by its figures."""
    found = result.get("headline")
    if language() == "en" or not isinstance(found, Mapping) or not rules:
        return summary(result)
    return [_forgotten(found), _kept(found), _verdict(rules)]


def _forgotten(found: Mapping[str, Any]) -> str:
    words: str = _(
        "Photos of the subject that the erasure never saw match each other in %(after)s of "
        "comparisons, %(before)s before, and match old templates in %(old)s; enrolled again with "
        "new photos, a search finds the subject first in %(rank)s of cases, %(rank_before)s "
        "before.",
        after=_rate(found.get("forget_tmr_after")),
        before=_rate(found.get("forget_tmr_before")),
        old=_rate(found.get("cross_version_tmr")),
        rank=_rate(found.get("rank1_after")),
        rank_before=_rate(found.get("rank1_before")),
    )
    return words


def _kept(found: Mapping[str, Any]) -> str:
    words: str = _(
        "Other people are matched to themselves in %(after)s of comparisons, %(before)s before, "
        "at the threshold at which 1 in 1,000 comparisons of two different people matched.",
        after=_rate(found.get("benchmark_tmr_after")),
        before=_rate(found.get("benchmark_tmr_before")),
    )
    return words


def _verdict(rules: Sequence[Rule]) -> str:
    required = sum(rule.required for rule in rules)
    missed = sum(rule.missed for rule in rules)
    if missed:
        refused: str = ngettext(
            "The certificate is refused: %(num)s of %(required)s required rules is not kept.",
            "The certificate is refused: %(num)s of %(required)s required rules are not kept.",
            missed,
            required=required,
        )
        return refused
    words: str = _(
        "All %(required)s required rules of the policy are kept: the certificate is passed.",
        required=required,
    )
    return words


def _rate(value: object) -> str:
    if value is None:
        return str(_("an unknown share (not measurable)"))
    return percent(value).replace(" ", "\N{NO-BREAK SPACE}")
