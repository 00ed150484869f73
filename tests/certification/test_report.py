"""The report for people: one page that says everything, reaches nothing and can be heard."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from storage.canonical import Document
from tests.certification.report_pages import CERTIFICATE, Page, attacked, drawn, figure
from tests.certification.worlds import drawn_world
from workers.certification import report_html
from workers.certification.drawings import ATTACKS


@pytest.fixture(scope="module")
def certified() -> Document:
    found = drawn_world().certify().document()
    (of_subject,) = found["figures"]["subjects"]
    for attack in ATTACKS:
        for name in attack.measures:
            of_subject.pop(name, None)
    of_subject.update(attacked())
    return found


@pytest.fixture
def body(certified: Document) -> Document:
    return {**deepcopy(certified), **deepcopy(CERTIFICATE)}


@pytest.fixture(scope="module")
def made(certified: Document) -> bytes:
    return report_html({**certified, **CERTIFICATE}, drawn())


@pytest.fixture(scope="module")
def page(made: bytes) -> Page:
    return Page(made)


def test_the_page_is_well_formed_and_runs_and_refers_to_nothing(made: bytes, page: Page) -> None:
    tags = {tag for tag, _ in page.seen}
    assert "svg" in tags
    assert not tags & {"script", "link", "img", "image", "a", "iframe", "object", "metadata"}
    assert not re.search(rb"https?:|url\(|@import|@font-face", made)
    for _, attributes in page.seen:
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("href", "#").startswith("#")
    policy = next(of for tag, of in page.seen if of.get("http-equiv") and tag == "meta")
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_ids_are_there_once_and_whatever_refers_to_one_finds_it(two_subjects: Page) -> None:
    elements = two_subjects.seen
    ids = [of["id"] for _, of in elements if "id" in of]
    assert len(ids) == len(set(ids))
    asked = {of["href"][1:] for _, of in elements if "href" in of}
    asked |= {of["aria-labelledby"] for _, of in elements if "aria-labelledby" in of}
    assert asked <= set(ids)


def test_every_drawing_is_an_image_that_says_its_figures_in_words(page: Page) -> None:
    assert all(of["role"] == "img" for tag, of in page.seen if tag == "svg")
    said = {
        "subject-1-scores-before": "Before the erasure, similarity of photos. the subject’s photos",
        "subject-1-scores-after": "middle 0.12",
        "subject-1-similarity-before": "similarity of 24 photos",
        "subject-1-similarity-after": "between 0.00 and 0.00",
        "subject-1-old-gallery": "new photos, old templates: nine in ten between 0.0",
        "subject-1-cmc": "first in 100% of the searches before and 5% after",
        "det": "about 5.0% before and 6.0% after",
        "everybody": "one person, before",
        "subject-1-new-photos": "Prototype of 5 photos: 8.0% after, before 98.0%",
        "subject-1-other-ways": "Old template identified in the new gallery: 4.0% after",
        "subject-1-relearning": "34 steps for the subject and 31 for a fictitious person",
    }
    assert page.drawings.keys() == said.keys()
    for name, words in said.items():
        assert words in page.drawings[name]


def test_the_same_body_gives_the_same_bytes_from_two_threads_at_once(
    body: Document, made: bytes
) -> None:
    with ThreadPoolExecutor(2) as pool:
        pages = list(pool.map(lambda _: report_html(body, drawn()), range(2)))
    assert pages == [made, made]


def test_drawing_leaves_matplotlib_as_it_was(made: bytes) -> None:
    import matplotlib

    assert b"<svg" in made
    assert "matplotlib.pyplot" not in sys.modules
    for setting in ("svg.fonttype", "svg.hashsalt", "font.size", "legend.frameon"):
        assert matplotlib.rcParams[setting] == matplotlib.rcParamsDefault[setting]


def test_a_page_with_all_drawings_stays_below_300_kb(body: Document) -> None:
    curves = drawn()
    noise = np.random.default_rng(0).uniform(-0.2, 1, (24, 24)).round(2)
    curves["subject"] |= {"similarity_old": noise.tolist(), "similarity_new": noise.tolist()}
    assert len(report_html(body, curves)) < 300_000


def test_on_the_page_a_sentence_stands_for_what_could_not_be_drawn(
    body: Document, page: Page
) -> None:
    curves = drawn()
    curves["subject"] |= {"cmc_new": [], "similarity_old": [[1.0]]}
    found = Page(report_html(body, curves))
    missing = page.drawings.keys() - found.drawings.keys()
    assert missing == {"subject-1-cmc", "subject-1-similarity-before"}
    assert found.text.count("Not drawn: ") == 2
    assert "Not drawn" not in page.text


def test_the_table_of_attacks_names_papers_and_shows_before_after_and_reference(
    page: Page,
) -> None:
    for attack in ATTACKS:
        assert attack.title in page.text
        assert attack.paper in page.text
    assert page.row("probe_linear_pooled_tpr").startswith("0.990 0.410 0.390 to 0.430 0.385")
    assert page.row("prototype_tmr_5").startswith("0.980 0.080 0.060 to 0.100 – 12 photos")
    assert page.row("relearning_steps").startswith("– 34 33.980 to 34.020 31")


def test_an_attack_that_was_not_examined_says_so_and_why(page: Page) -> None:
    text = page.text
    assert text.count("Not examined: no training set is registered.") == 1
    assert "Not examined: not part of this certification." in text  # the last layer left off
    assert "membership_auc" not in text


def test_a_figure_of_an_attack_stands_in_one_table_alone(page: Page, body: Document) -> None:
    text = page.text
    assert len(re.findall(r"\bprototype_tmr_5\b", text)) == 1 + sum(
        rule["figure"] == "prototype_tmr_5" for rule in body["rules"]
    )


def test_too_few_comparisons_for_a_threshold_are_told_with_their_number(body: Document) -> None:
    body["thresholds"]["1e-5"] = {
        "old_version": None,
        "new_version": None,
        "non_mated": 15660,
        "rule_of_30": False,
        "reason": "15,660 non-mated trials; a rate of 1e-5 needs at least 300,000 (rule of 3)",
    }
    text = Page(report_html(body)).text
    assert "not enough comparisons for 1e-5: 15,660 non-mated trials" in text
    assert "At FMR 1e-4: not enough to measure." in text


def test_verification_benchmarks_are_shown_where_they_are_given(body: Document) -> None:
    assert "Verification benchmarks" not in Page(report_html(body)).text
    missing = figure(None, "12,000 non-mated trials are too few")
    body["figures"]["verification"] = [
        {
            "name": "lfw",
            "digest": "9" * 64,
            "pairs": 6000,
            "accuracy_before": figure(0.997),
            "accuracy": figure(0.996),
            "accuracy_drop": figure(0.001),
            "cross_version_accuracy": figure(0.9955),
        },
        {
            "name": "IJB-C",
            "digest": "8" * 64,
            "pairs": 15_658_489,
            "tmr_at_fmr": {
                "1e-3": {"tmr_before": figure(0.95), "tmr": figure(0.94), "tmr_drop": figure(0.01)},
                "1e-4": {"tmr": missing},
            },
        },
    ]
    text = Page(report_html(body)).text
    assert "lfw accuracy, 6,000 pairs 0.997 0.996 0.001 −0.019 to 0.021 0.996" in text
    assert "IJB-C TMR at FMR 1e-3, 15,658,489 pairs 0.950 0.940 0.010" in text
    assert "pairs; 12,000 non-mated trials are too few – – –" in text
    assert "9" * 64 in text


def test_a_certification_without_a_ticket_is_shown_and_called_no_certificate(
    certified: Document,
) -> None:
    text = Page(report_html(certified, drawn())).text
    assert "It is not signed, and no certificate." in text
    assert not re.search(r"ticket|Face set|Version \d", text)
    assert "Certificate of erasure" not in text
    for sentence in certified["summary"]:
        assert sentence in text
    assert certified["models"]["old"] in text


@pytest.fixture(scope="module")
def two_subjects(certified: Document) -> Page:
    body = deepcopy(certified)
    body["figures"]["subjects"] *= 2
    body["figures"]["subjects"][1] = attacked() | {"prototype_tmr_5": figure(0.777)}
    curves = drawn()
    curves["subject"] = [curves["subject"], curves["subject"] | {"cmc_new": []}]
    return Page(report_html(body, curves))


def test_several_subjects_have_a_part_each(two_subjects: Page) -> None:
    assert {"subject-1-cmc", "subject-2-scores-after"} <= two_subjects.drawings.keys()
    assert "subject-2-cmc" not in two_subjects.drawings
    assert "Subject 2, before and after" in two_subjects.text
    assert "0.980 0.777" in two_subjects.text


def test_drawings_of_another_number_of_subjects_are_refused(certified: Document) -> None:
    curves = drawn()
    curves["subject"] = [curves["subject"]] * 2
    with pytest.raises(ValueError, match="zip"):
        report_html(certified, curves)


def test_a_certificate_from_before_there_were_drawings_has_all_but_those(
    body: Document, page: Page
) -> None:
    old = Page(report_html(body))
    assert old.drawings.keys() == {
        "subject-1-new-photos",
        "subject-1-other-ways",
        "subject-1-relearning",
    }
    assert "Not drawn" not in old.text
    for heading in ("Rules of the policy", "Attacks", "Limits of the claim", "Thresholds"):
        assert heading in old.text
    assert "The subject, before and after" in page.text
    assert "The subject, before and after" not in old.text


def test_what_certify_measures_is_what_the_report_draws() -> None:
    certification = drawn_world().certify()
    page = Page(report_html(certification.document(), certification.drawings()))
    assert {"det", "everybody", "subject-1-similarity-after"} <= page.drawings.keys()
    assert "similarity of 12 photos" in page.drawings["subject-1-similarity-after"]


def test_both_claims_are_shown_with_whether_they_were_examined(body: Document) -> None:
    text = Page(report_html(body)).text
    assert "The person is no longer matched examined" in text
    assert "influence of the person’s photos on training is gone not examined" in text
    body["claims"]["training_influence"] = "examined"
    assert "on training is gone examined" in Page(report_html(body)).text


def test_no_text_of_a_body_becomes_markup_or_style(body: Document) -> None:
    hostile = "</style></svg>\"'}<script>alert(1)</script>&"

    def spoilt(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: spoilt(found) for key, found in value.items()}
        if isinstance(value, list):
            return [spoilt(found) for found in value]
        return hostile if isinstance(value, str) else value

    changed = {**spoilt(body), "created_at": body["created_at"]}
    changed["face_sets"] = {hostile: hostile}
    spoilt_page, kept = Page(report_html(changed)), Page(report_html(body))
    assert {tag for tag, _ in spoilt_page.seen} == {tag for tag, _ in kept.seen}
    assert hostile in spoilt_page.text


def test_the_digits_of_a_column_line_up_and_small_rates_keep_theirs(body: Document) -> None:
    (of_subject,) = body["figures"]["subjects"]
    of_subject["forgotten_tmr@1e-3"] = figure(0.5) | {"estimate": 0.00012, "interval": [-0.01, 0.2]}
    of_subject["forgotten_compactness"] = figure(None, "1 held-out photo")
    page = Page(report_html(body))
    assert page.row("forgotten_tmr@1e-3").startswith("1.2e-4 −0.010 to 0.200")
    assert page.row("forgotten_compactness").startswith("– – – 12 photos 1 held-out photo")
