"""Whether a certificate's verdict follows from its own figures, whoever signed it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from storage.canonical import sha256
from storage.certificates.form import Certificate, Figure, RuleOutcome
from storage.certificates.signing import BadCertificate

DIGITS = 6  # that figures are rounded to, and judged at
_RULE_DEFAULTS = {"judged": "estimate", "minimum": {}, "required": True}  # of a policy file
# The few figures for pages and metrics, by the figure that each must be.
_HEADLINE = {
    "forget_tmr_before": "forgotten_tmr_before@1e-3",
    "forget_tmr_after": "forgotten_tmr@1e-3",
    "cross_version_tmr": "forgotten_cross_version_tmr@1e-3",
    "benchmark_tmr_before": "benchmark_tmr_before@1e-3",
    "benchmark_tmr_after": "benchmark_tmr@1e-3",
    "rank1_before": "forgotten_rank1_before",
    "rank1_after": "forgotten_rank1",
}


def check_verdict(form: Certificate, name: str) -> None:
    """Recomputes each rule's outcome and the verdict, and compares every figure given twice.

    Raises:
        BadCertificate: the first thing that does not follow.
    """
    for wrong in _contradictions(form):
        raise BadCertificate(f"{name}: {wrong}")


def check_policy(form: Certificate, policy: bytes, name: str, file: str) -> None:
    """Are the certificate's rules those of this policy file, every one, and is it that file?

    Raises:
        BadCertificate
    """
    if sha256(policy) != form.policy.digest:
        raise BadCertificate(
            f"{name}: judged by a policy with SHA-256 {form.policy.digest[:12]}…, "
            f"and {file} has {sha256(policy)[:12]}…"
        )
    # The digest holds, so this is the file that the issuer read, and well-formed if theirs was.
    try:
        document = tomllib.loads(policy.decode())
        named = document["name"], document["version"]
        wanted = [{**_RULE_DEFAULTS, **rule} for rule in document["rules"]]
    except (ValueError, KeyError, TypeError):
        raise BadCertificate(f"{name}: judged by {file}, which is not a policy") from None
    fields = {"id", "text", "figure", "comparison", "threshold", *_RULE_DEFAULTS}
    if named != (form.policy.name, form.policy.version):
        raise BadCertificate(f"{name}: names another policy than {file} is")
    if [rule.model_dump(include=fields) for rule in form.rules] != wanted:
        raise BadCertificate(f"{name}: its rules are not those of the policy {file}")


def outcome_of(rule: RuleOutcome) -> str:
    """What the figure, bound and sample that a rule shows come to."""
    enough = all(rule.sample.get(what, 0) >= fewest for what, fewest in rule.minimum.items())
    interval = rule.judged == "interval"
    if rule.estimate is None or not enough or (interval and rule.interval is None):
        return "insufficient"
    at_most = rule.comparison == "at_most"
    value = rule.estimate
    if interval and rule.interval is not None:
        value = rule.interval[1 if at_most else 0]
    value = round(value, DIGITS)
    return (
        "passed"
        if (rule.threshold - value if at_most else value - rule.threshold) >= 0
        else ("failed")
    )


def _contradictions(form: Certificate) -> Iterator[str]:
    (subject,) = form.figures.subjects
    figures = {**form.figures.benchmark, **subject}
    yield from _of_rules(form, figures)
    yield from _of_figures(form, figures)
    for what, digest, version in (
        ("old", form.models.old, form.parent),
        ("new", form.models.new, form.version),
    ):
        # Several files of one model are compared under one digest of their list.
        if len(version.files) == 1 and digest not in version.files.values():
            yield f"the {what} model that was compared is not the file of version {version.number}"
    if form.version.number <= form.parent.number or form.version.digest == form.parent.digest:
        yield f"version {form.version.number} is not one after its parent {form.parent.number}"


def _of_rules(form: Certificate, figures: dict[str, Figure]) -> Iterator[str]:
    ids = [rule.id for rule in form.rules]
    for rule in form.rules:
        found = figures.get(rule.figure)
        shown = (rule.estimate, rule.interval, rule.sample)
        if ids.count(rule.id) > 1:
            yield f"rule {rule.id} is there twice"
        if found is None or shown != (found.estimate, found.interval, found.sample):
            yield f"rule {rule.id} shows another figure than the figures' own {rule.figure}"
        if rule.outcome != outcome_of(rule):
            yield f"rule {rule.id} says {rule.outcome}, and its figure says {outcome_of(rule)}"
    required = [rule for rule in form.rules if rule.required]
    if not required:
        yield "no rule is required, so the verdict says nothing"
    kept = all(rule.outcome == "passed" for rule in required)
    verdict = "passed" if kept else "refused"
    if form.verdict != verdict:
        yield f"the verdict is {form.verdict}, and by its own rules it is {verdict}"


def _of_figures(form: Certificate, figures: dict[str, Figure]) -> Iterator[str]:
    (subject,) = form.figures.subjects
    for figure, spread in form.figures.over_subjects.items():
        own = subject[figure].estimate if figure in subject else None
        if {spread.mean, spread.lowest, spread.highest} != {own}:
            yield f"figure {figure} over one subject is not that subject's"
    for shown, figure in _HEADLINE.items():
        if shown in form.headline and figure in figures:
            value, own = form.headline[shown], figures[figure].estimate
            same = value is own if value is None or own is None else round(value, DIGITS) == own
            if not same:
                yield f"headline {shown} is not the figure {figure}"
