"""Policy files, and the verdict that they lead to."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.certification import BadPolicy, Policy
from workers.certification.figures import Figure
from workers.certification.policy import SHIPPED, Rule
from workers.certification.verdict import Outcome, judge, verdict, worst

GOOD = """
format = 1
name = "mine"
version = 3
text = "Mine."

[[rules]]
id = "forgotten"
text = "Nothing matches"
figure = "forgotten_tmr@1e-3"
comparison = "at_most"
threshold = 0.1
minimum = { comparisons = 10 }
"""


def parse(text: str) -> Policy:
    return Policy.parse(text.encode(), "mine.toml")


def test_a_policy_carries_the_digest_of_its_file() -> None:
    policy = parse(GOOD)
    assert (policy.name, policy.version) == ("mine", 3)
    assert policy.digest == hashlib.sha256(GOOD.encode()).hexdigest()
    assert parse(GOOD + "# a comment\n").digest != policy.digest


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("threshold", "treshold", "rules.0.treshold: unknown key"),
        ("threshold = 0.1\n", "", "rules.0.threshold: missing"),
        ("forgotten_tmr@1e-3", "forgotten_tmr", "no figure 'forgotten_tmr'; there are"),
        ("comparisons = 10", "pairs = 10", "pairs = 10: count at least 1 of comparisons"),
        ("comparisons = 10", "comparisons = 0", "comparisons = 0: count at least 1 of"),
        ("at_most", "below", "rules.0.comparison: Input should be 'at_most' or 'at_least'"),
        ("0.1", "nan", "rules.0.threshold: Input should be a finite number"),
        ("format = 1", "format = 2", "format: Input should be 1"),
        ("format = 1", "format = 1\nstrict = true", "strict: unknown key"),
        ("threshold = 0.1", "threshold = 0.1\nrequired = false", "no rule is required"),
        ("text = ", "text ", "not TOML"),
    ],
)
def test_a_policy_with_a_mistake_is_refused_in_one_line_that_names_it(
    old: str, new: str, reason: str
) -> None:
    with pytest.raises(BadPolicy) as refused:
        parse(GOOD.replace(old, new, 1))
    message = str(refused.value)
    assert message.startswith("mine.toml: ")
    assert reason in message
    assert "\n" not in message


def test_two_rules_of_one_id_are_refused() -> None:
    with pytest.raises(BadPolicy, match="rule 'forgotten' is there twice"):
        parse(GOOD + GOOD[GOOD.index("[[rules]]") :])


@given(st.binary(max_size=200))
def test_any_bytes_are_either_a_policy_or_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(BadPolicy) as refused:
        Policy.parse(data, "mine.toml")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_policies_that_come_along_are_named_as_their_files(name: str) -> None:
    policy = Policy.named(name)
    file = resources.files("workers.certification") / "policies" / f"{name}.toml"
    assert policy.name == name
    assert policy.digest == hashlib.sha256(file.read_bytes()).hexdigest()


def test_strict_asks_for_at_least_what_default_asks_for() -> None:
    strict = {rule.figure: rule for rule in Policy.named("strict").rules}
    for rule in Policy.named("default").rules:
        tighter = strict[rule.figure]
        sign = 1 if rule.comparison == "at_most" else -1
        assert tighter.comparison == rule.comparison
        assert sign * tighter.threshold <= sign * rule.threshold
        assert tighter.required or not rule.required


def test_a_policy_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy, match="there is none; use default, strict, seed"):
        Policy.named("lenient")
    with pytest.raises(BadPolicy, match=r"P\.toml: No such file"):
        Policy.read(tmp_path / "P.toml")


def rule(**changes: object) -> Rule:
    return Rule.model_validate({**parse(GOOD).rules[0].model_dump(), **changes})


def figure(estimate: float | None, comparisons: int = 10) -> Figure:
    return Figure(estimate, (0.05, 0.2), {"comparisons": comparisons}, reason="none could be made")


@pytest.mark.parametrize(
    ("changes", "found", "outcome"),
    [
        ({}, figure(0.1), Outcome.PASSED),
        ({}, figure(0.1 + 1e-9), Outcome.PASSED),  # judged as it is printed
        ({}, figure(0.100001), Outcome.FAILED),
        ({}, figure(0.0, comparisons=9), Outcome.INSUFFICIENT),
        ({}, figure(None), Outcome.INSUFFICIENT),
        ({"minimum": {"people": 2}}, figure(0.0), Outcome.INSUFFICIENT),
        ({"comparison": "at_least"}, figure(0.1), Outcome.PASSED),
        ({"comparison": "at_least"}, figure(0.09), Outcome.FAILED),
        ({"judged": "interval"}, figure(0.1), Outcome.FAILED),
        ({"judged": "interval", "threshold": 0.2}, figure(0.1), Outcome.PASSED),
        ({"judged": "interval", "comparison": "at_least"}, figure(0.1), Outcome.FAILED),
        ({"judged": "interval"}, Figure(0.0, None, {"comparisons": 10}), Outcome.INSUFFICIENT),
    ],
)
def test_a_rule_is_kept_when_its_figure_is_within_the_bound_on_enough(
    changes: dict[str, object], found: Figure, outcome: Outcome
) -> None:
    assert judge(rule(**changes), found).outcome is outcome


def test_only_required_rules_refuse() -> None:
    failing, kept = figure(0.5), figure(0.0)
    assert verdict([judge(rule(), kept), judge(rule(required=False), failing)]) == "passed"
    assert verdict([judge(rule(), kept), judge(rule(), failing)]) == "refused"
    assert verdict([judge(rule(), kept), judge(rule(), figure(None))]) == "refused"


def test_of_several_subjects_the_worst_is_shown() -> None:
    results = [judge(rule(), found) for found in map(figure, (0.05, 0.3, 0.2, None))]
    assert worst(results).figure.estimate == 0.3
    assert worst([results[0], results[3]]).outcome is Outcome.INSUFFICIENT
