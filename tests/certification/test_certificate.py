"""What a certification hands on: its document, the certificate's body, the report."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage.canonical import canonical, parse
from storage.certificates.form import RuleOutcome, form_of
from storage.certificates.issued import Signer, issue, verify, write_new_key
from storage.certificates.signing import BadCertificate
from storage.certificates.verdict import check_policy, outcome_of
from tests.certification.worlds import World, drawn_world
from workers.certification import (
    Certification,
    Policy,
    Subject,
    certificate_body,
    certify,
    report_html,
)
from workers.certification.figures import Figure
from workers.certification.policy import Rule
from workers.certification.verdict import judge

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def world() -> World:
    world = drawn_world()
    world.old = {
        f"Ada {name}" if name.startswith("person") else "ref-4711": templates
        for name, templates in world.old.items()
    }
    world.new = {"ref-4711": world.new["subject"]}
    return replace(world, subject="ref-4711")


@pytest.fixture(scope="module")
def certification(world: World) -> Certification:
    return world.certify()


def body_of(certification: Certification, **changes: Any) -> dict[str, Any]:
    return certificate_body(
        certification.document(),
        **{
            "ticket": "t0123456789ab",
            "model": "door-cameras",
            "version": {"number": 2, "digest": "e" * 64, "files": {"model.onnx": "b" * 64}},
            "parent": {"number": 1, "digest": "d" * 64, "files": {"model.onnx": "a" * 64}},
            "face_sets": {"benchmark": "f" * 64},
            "photos": "c" * 64,
            "forget_photos": "1" * 64,
            "held_out_photos": "2" * 64,
            "imported_version": "d" * 64,
            "previous_certificate": None,
            "software": "lethe 0.1.0",
            "seed": 5,
            "created_at": "2026-01-01T00:00:00+00:00",
            **changes,
        },
    )


def test_the_body_is_signed_and_verified_as_canonical_json(
    certification: Certification, tmp_path: Path
) -> None:
    write_new_key(tmp_path / "key.pem")
    signer = Signer.from_file(tmp_path / "key.pem")
    body = body_of(certification)
    found = verify(issue(body, signer), signer.key.public_key(), "certificate")
    assert found["verdict"] == "passed"
    assert parse(canonical(body), "body") == body  # no NaN, no NumPy: what is read is what was made


@pytest.mark.parametrize("policy", ["default", "strict", "seed"])
def test_a_real_certificate_keeps_to_the_published_schema_and_its_own_policy(
    world: World, policy: str, tmp_path: Path
) -> None:
    write_new_key(tmp_path / "key.pem")
    signer = Signer.from_file(tmp_path / "key.pem")
    data = issue(body_of(world.certify(policy)), signer)
    schema = parse((DOCS / "certificate.schema.json").read_bytes(), "schema")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(parse(data, "certificate"))
    form = form_of(verify(data, signer.key.public_key(), "certificate"), "certificate")
    file = resources.files("workers.certification") / "policies" / f"{policy}.toml"
    check_policy(form, file.read_bytes(), "certificate", f"{policy}.toml")


def test_the_schema_refuses_what_the_form_refuses(certification: Certification) -> None:
    schema = parse((DOCS / "certificate.schema.json").read_bytes(), "schema")
    own = {"key_id": "0" * 16, "algorithm": "Ed25519"}
    body = {**body_of(certification), **own}
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"certificate": body, "signature": "A" * 86 + "=="})
    for change in (
        {"subject": "ref-4711"},
        {"format": 3},
        {"ticket": "ref-4711"},
        {"face_sets": {"Ada Lovelace": "f" * 64}},
        {"headline": {"Ada": 1.0, "": 2.0}},
        {"figures": {**body["figures"], "subjects": []}},
        {"rules": [{**body["rules"][0], "judged": "mean"}]},
    ):
        altered = {**body, **change}
        assert not validator.is_valid({"certificate": altered, "signature": "A" * 86 + "=="})
        with pytest.raises(BadCertificate):
            form_of(altered, "certificate")


_RATES = st.none() | st.floats(0, 1).map(lambda rate: round(rate, 6))


@given(
    estimate=_RATES,
    interval=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
    comparison=st.sampled_from(["at_most", "at_least"]),
    judged=st.sampled_from(["estimate", "interval"]),
    threshold=st.sampled_from([0.1, 0.5]) | st.floats(0, 1),
    photos=st.integers(0, 4),
    fewest=st.integers(1, 4),
)
@example(0.1, None, "at_most", "estimate", 0.1, 4, 1)
@example(0.1000004, (0.0, 0.1000004), "at_most", "interval", 0.1, 4, 1)
def test_a_verifier_comes_to_the_outcome_that_the_judge_came_to(
    estimate: float | None,
    interval: tuple[float, float] | None,
    comparison: Any,
    judged: Any,
    threshold: float,
    photos: int,
    fewest: int,
) -> None:
    figure = Figure(estimate, interval, {"photos": photos}, reason=None if estimate else "none")
    rule = Rule(
        id="r",
        text="t",
        figure="forgotten_rank1",
        comparison=comparison,
        threshold=threshold,
        judged=judged,
        minimum={"photos": fewest},
    )
    result = judge(rule, figure)
    shown = RuleOutcome.model_validate_json(canonical(result.document()))
    assert outcome_of(shown) == str(result.outcome)


def test_a_document_that_was_kept_as_json_makes_the_same_body(certification: Certification) -> None:
    kept = parse(canonical(certification.document()), "event")
    assert {**body_of(certification), **kept} == body_of(certification)


def test_nothing_in_certificate_or_report_names_the_subject_or_a_benchmark_person(
    certification: Certification,
) -> None:
    body = body_of(certification)
    for made in (canonical(body), report_html(body)):
        assert b"ref-4711" not in made
        assert b"Ada" not in made
        assert b"person0" not in made


def test_the_two_claims_are_kept_apart(certification: Certification) -> None:
    body = body_of(certification)
    assert body["claims"] == {
        "non_matchability": "examined",
        "training_influence": "not examined",
    }
    assert b"These are two claims" in report_html(body)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_is_well_formed_and_loads_and_runs_nothing(certification: Certification) -> None:
    page = report_html(body_of(certification)).decode()
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert not {tag for tag, _ in tags.seen} & {"script", "link", "img", "iframe", "object", "a"}
    assert not re.search(r"https?://|url\(|@import", page)


def test_the_report_shows_every_rule_with_its_figure_bound_and_outcome(
    certification: Certification,
) -> None:
    page = report_html(body_of(certification)).decode()
    for result in certification.rules:
        assert result.rule.figure in page
        assert result.rule.text.replace("'", "&#39;") in page
    optional = [rule for rule in certification.policy.rules if not rule.required]
    assert page.count("shown, not required") == len(optional)
    for sentence in certification.summary():
        assert sentence in page
    for digest in "abcdef":
        assert digest * 64 in page


def test_text_in_the_report_is_escaped(certification: Certification) -> None:
    page = report_html(body_of(certification, model="<script>alert(1)</script>"))
    assert b"<script>" not in page
    assert b"&lt;script&gt;" in page


def test_the_headline_and_the_summary_say_the_same(certification: Certification) -> None:
    headline = certification.headline
    assert set(headline) == {
        "forget_tmr_before",
        "forget_tmr_after",
        "cross_version_tmr",
        "benchmark_tmr_before",
        "benchmark_tmr_after",
        "rank1_before",
        "rank1_after",
        "threshold",
        "fmr",
    }
    forgotten, kept, verdict = certification.summary()
    assert f"{headline['forget_tmr_after']:.1%}" in forgotten
    assert f"{headline['benchmark_tmr_after']:.1%}" in kept
    assert "passed" in verdict


def test_each_of_several_subjects_has_a_certification_of_their_own(world: World) -> None:
    old, new = world.models()
    crops = world.crops("ref-4711")
    remembered = world.crops("Ada person00")
    benchmark = {name: crops for name, crops in world.benchmark().items() if "00" not in name}
    subjects = [
        Subject("ref-4711", crops[:12], crops[12:]),
        Subject("ref-4712", remembered[:4], remembered[4:]),
    ]
    both = certify(old, new, subjects, benchmark, Policy.named())
    first, second = both.for_subject("ref-4711"), both.for_subject("ref-4712")
    assert (both.verdict, first.verdict, second.verdict) == ("refused", "passed", "refused")
    assert first.refusal() == ""
    assert "forgotten_tmr@1e-3" in second.refusal()
    over = both.figures["over_subjects"]["forgotten_tmr@1e-3"]
    assert (over["lowest"], over["highest"]) == (
        first.headline["forget_tmr_after"],
        second.headline["forget_tmr_after"],
    )
    assert set(both.figures["subjects"]) == {"ref-4711", "ref-4712"}
    with pytest.raises(ValueError, match="one subject"):
        body_of(both)
    with pytest.raises(KeyError):
        both.for_subject("ref-4713")


def test_the_same_seed_gives_the_same_document_and_another_seed_other_intervals(
    world: World,
) -> None:
    first, again, other = (world.certify(seed=seed).document() for seed in (1, 1, 2))
    assert first == again
    assert first["figures"]["benchmark"] != other["figures"]["benchmark"]
    estimates = [
        {name: figure["estimate"] for name, figure in document["figures"]["benchmark"].items()}
        for document in (first, other)
    ]
    assert estimates[0] == estimates[1]
