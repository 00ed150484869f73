"""The form and the verdict of a certificate, which hold whoever signed it."""

from __future__ import annotations

import pytest

from storage.certificates.issued import BadCertificate, Signer, issue, verify
from tests.storage.bodies import body, figure


def _wrong(signer: Signer, made: dict) -> str:
    """Why a body is neither issued, nor verified where somebody signed it all the same."""
    with pytest.raises(BadCertificate) as at_issue:
        issue(made, signer)
    with pytest.raises(BadCertificate, match=r"^c\.json: ") as error:
        verify(signer.sign(made), signer.key.public_key(), "c.json")
    assert len(str(error.value).splitlines()) == 1
    assert str(error.value).isprintable()
    line = str(error.value).removeprefix("c.json: ")
    assert str(at_issue.value).endswith(line)
    return line


def test_one_flipped_bit_in_any_byte_of_a_whole_certificate_is_refused(signer: Signer):
    data, key = issue(body(), signer), signer.key.public_key()
    assert verify(data, key, "c.json")["verdict"] == "passed"
    for place in range(len(data)):
        altered = bytearray(data)
        altered[place] ^= 1 << place % 8
        with pytest.raises(BadCertificate):
            verify(bytes(altered), key, "c.json")


@pytest.mark.parametrize("field", sorted(body()))
def test_a_body_without_one_of_its_fields_is_refused_by_its_name(signer: Signer, field: str):
    made = body()
    del made[field]
    assert field in _wrong(signer, made)


def test_a_field_that_the_form_does_not_know_is_refused(signer: Signer):
    assert "subject: Extra inputs" in _wrong(signer, body(subject="Ada Lovelace"))
    made = body()
    made["figures"]["subjects"][0]["forgotten_tmr@1e-3"]["worst_person"] = "Ada"
    assert "worst_person" in _wrong(signer, made)
    assert _wrong(signer, body(headline={"Ada\n\x1b[2J": 1.0})).isprintable()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 3),
        ("format", "2"),
        ("ticket", "DSR-2026-0142"),
        ("photos", "0" * 63),
        ("created_at", "yesterday"),
        ("seed", 1.5),
        ("seed", True),
        ("verdict", "certified"),
        ("rules", []),
        ("face_sets", {"benchmark": "Ada"}),
        ("claims", {"non_matchability": "proven", "training_influence": "not examined"}),
        ("previous_certificate", "none"),
    ],
)
def test_a_field_of_another_kind_is_refused_by_its_name(signer: Signer, field: str, value: object):
    assert field in _wrong(signer, body(**{field: value}))


def test_a_verdict_that_its_rules_do_not_give_is_refused(signer: Signer):
    assert _wrong(signer, body(verdict="refused")).startswith("the verdict is refused, and by its")
    made = body()
    made["rules"][0] |= {"threshold": 0.01, "outcome": "failed"}
    assert "by its own rules it is refused" in _wrong(signer, made)
    for own in made["rules"]:
        own["required"] = False
    assert "no rule is required" in _wrong(signer, made)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"threshold": 0.04}, "failed"),
        ({"comparison": "at_least"}, "failed"),
        ({"judged": "interval", "threshold": 0.08}, "failed"),
        ({"minimum": {"comparisons": 46}}, "insufficient"),
        ({"minimum": {"photos": 1}}, "insufficient"),
    ],
)
def test_an_outcome_that_its_figure_does_not_give_is_refused(
    signer: Signer, change: dict, outcome: str
):
    made = body()
    made["rules"][0] |= change
    line = _wrong(signer, made)
    assert line == f"rule forgotten-tmr says passed, and its figure says {outcome}"


def test_a_swapped_figure_is_refused_even_if_it_is_signed_anew(signer: Signer):
    made = body()
    made["rules"][0]["estimate"] = 0.04
    assert "shows another figure than the figures' own forgotten_tmr@1e-3" in _wrong(signer, made)
    made = body()
    made["figures"]["subjects"][0]["forgotten_tmr@1e-3"] = figure(0.9, comparisons=45)
    assert "shows another figure" in _wrong(signer, made)
    made = body(headline={"forget_tmr_after": 0.01})
    assert "headline forget_tmr_after is not the figure forgotten_tmr@1e-3" in _wrong(signer, made)
    made = body()
    made["figures"]["over_subjects"]["forgotten_tmr@1e-3"]["mean"] = 0.0
    assert "over one subject" in _wrong(signer, made)


def test_models_that_are_not_the_files_of_the_versions_are_refused(signer: Signer):
    for what in ("old", "new"):
        made = body()
        made["models"][what] = "0" * 64
        assert f"the {what} model that was compared is not the file" in _wrong(signer, made)
    assert "is not one after its parent" in _wrong(signer, body(parent=body()["version"]))


def test_figures_of_any_name_and_verification_benchmarks_have_room(signer: Signer):
    made = body()
    made["figures"]["subjects"][0]["kshot_tmr:k=5@1e-5"] = figure(None)
    made["figures"]["verification"] = [{"name": "lfw", "digest": "0" * 64, "accuracy": {"old": 1}}]
    assert verify(issue(made, signer), signer.key.public_key(), "c.json")["figures"]["verification"]


def test_certificates_of_format_1_still_verify(signer: Signer):
    made = body(format=1)
    for field in ("imported_version", "forget_photos", "held_out_photos"):
        del made[field]
    assert verify(signer.sign(made), signer.key.public_key(), "c.json")["format"] == 1
    assert "imported_version" in _wrong(signer, {**made, "imported_version": "0" * 64})
