"""Every figure of a world in which each can be counted by hand."""

from __future__ import annotations

import pytest

from tests.certification.worlds import drawn_world, exact_world
from workers.certification import Certification
from workers.certification.figures import BENCHMARK_FIGURES, FIGURES, SUBJECT_FIGURES


@pytest.fixture(scope="module")
def exact() -> Certification:
    return exact_world().certify()


# Old threshold: just above 0.25, where all 12,480 non-mated comparisons tie.
@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        # 40 people with 6 pairs; four of them lose the 3 pairs of one photo.
        ("benchmark_tmr_before@1e-3", 1.0),
        ("benchmark_tmr@1e-3", 1 - 12 / 240),
        ("benchmark_tmr_drop@1e-3", 12 / 240),
        ("benchmark_tmr_recalibrated@1e-3", 1 - 12 / 240),
        ("benchmark_tmr_recalibrated_drop@1e-3", 12 / 240),
        # 12 ordered pairs a person; only as a probe does the lost photo fail, 3 times.
        ("benchmark_cross_version_tmr@1e-3", 1 - 12 / 480),
        ("benchmark_cross_version_tmr_drop@1e-3", 12 / 480),
        ("benchmark_fmr@1e-3", 0.0),
        ("benchmark_rank1_before", 1.0),
        ("benchmark_rank1", 156 / 160),
        ("benchmark_rank1_drop", 4 / 160),
        # 6 held-out photos, two of which still match each other: 1 of 15 pairs.
        ("forgotten_tmr_before@1e-3", 1.0),
        ("forgotten_tmr@1e-3", 1 / 15),
        ("forgotten_tmr_recalibrated@1e-3", 1 / 15),
        # Those two match the old templates of the 9 other photos: 18 of 54.
        ("forgotten_cross_version_tmr@1e-3", 18 / 54),
        # One probe has become person 5. No old search finds a stranger.
        ("impersonation_fpir@1e-3", 1 / 6),
        ("impersonation_fpir_before@1e-3", 0.0),
        ("impersonation_cross_version_fpir@1e-3", 1 / 6),
        ("impersonation_nominal_fpir@1e-3", 0.0),
        ("impersonation_excess@1e-3", 1 / 6),
        ("impersonation_cross_version_excess@1e-3", 1 / 6),
        # All are equally far from the subject: the first three, who lose half of their pairs.
        ("neighbours_tmr_drop@1e-3", 0.5),
        ("forgotten_rank1_before", 1.0),
        ("forgotten_compactness_before", (15.25 / 5.75) ** 0.5),
    ],
)
def test_the_figure_is_what_counting_by_hand_gives(
    exact: Certification, figure: str, expected: float
) -> None:
    found = {**exact.benchmark, **exact.subjects["subject"]}[figure]
    assert found.estimate == pytest.approx(expected, abs=1e-6)
    assert found.interval is not None
    assert found.interval[0] - 1e-9 <= expected <= found.interval[1] + 1e-9


def test_the_worst_person_is_named_beside_the_mean(exact: Certification) -> None:
    found = exact.benchmark["benchmark_tmr_drop@1e-3"]
    assert (found.worst, found.worst_person) == (0.5, "person00")
    assert exact.benchmark["benchmark_tmr@1e-3"].worst == 0.5


def test_a_figure_says_on_how_much_it_stands(exact: Certification) -> None:
    subject = exact.subjects["subject"]
    assert subject["forgotten_tmr@1e-3"].sample == {
        "photos": 6,
        "comparisons": 15,
        "non_mated": 12480,
    }
    assert exact.benchmark["benchmark_tmr@1e-3"].sample == {
        "people": 40,
        "comparisons": 240,
        "non_mated": 12480,
    }


def test_every_figure_of_the_catalogue_is_there_and_no_other(exact: Certification) -> None:
    assert set(exact.benchmark) == set(BENCHMARK_FIGURES)
    assert set(exact.subjects["subject"]) == set(SUBJECT_FIGURES)
    assert set(FIGURES) == set(BENCHMARK_FIGURES) | set(SUBJECT_FIGURES)


def test_too_few_comparisons_for_an_fmr_give_no_figure_and_the_reason(exact: Certification) -> None:
    found = exact.subjects["subject"]["forgotten_tmr@1e-4"]
    assert found.estimate is None
    assert "12,480 non-mated trials" in str(found.reason)


def test_one_held_out_photo_leaves_the_comparison_with_the_old_gallery() -> None:
    world = drawn_world()
    world.forget = len(world.old["subject"]) - 1
    certification = world.certify()
    subject = certification.subjects["subject"]
    assert subject["forgotten_tmr@1e-3"].estimate is None
    assert subject["forgotten_rank1"].estimate is None
    assert subject["forgotten_compactness"].estimate is None
    crossed = subject["forgotten_cross_version_tmr@1e-3"]
    assert crossed.estimate == 0
    assert crossed.sample["comparisons"] == 23
    assert certification.verdict == "refused"
    assert certification.headline["forget_tmr_after"] is None
    assert "not measurable" in certification.summary()[0]


def test_the_order_of_people_and_of_photos_changes_no_figure_but_by_resampling() -> None:
    world = drawn_world(people=16)
    turned = drawn_world(people=16)
    names = [*reversed([name for name in world.old if name != "subject"]), "subject"]
    turned.old = {
        name: world.old[name] if name == "subject" else world.old[name][::-1] for name in names
    }
    first, second = world.certify(), turned.certify()
    for name, figure in first.benchmark.items():
        other = second.benchmark[name].estimate
        assert figure.estimate is None or figure.estimate == pytest.approx(other, abs=1e-6), name
