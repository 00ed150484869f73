"""Every figure of a world in which each can be counted by hand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.certification.worlds import drawn_world, exact_world, strangers
from workers.certification import Certification
from workers.certification.catalogue import BENCHMARK_FIGURES, FIGURES, SUBJECT_FIGURES
from workers.certification.evidence import SubjectTemplates
from workers.certification.figures import FORGOTTEN_AT_FMR, KEPT_AT_FMR
from workers.certification.forgotten import Forgotten
from workers.certification.intervals import pair_replicates, percentiles
from workers.certification.retained import Benchmark
from workers.certification.templates import People, Versions
from workers.certification.thresholds import FMRS, Threshold


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
        # The other way 4 forget photos are in the gallery beside them: 2 × 5 + 4 × 6 of 54.
        ("forgotten_cross_version_reverse_tmr@1e-3", 34 / 54),
        # One probe has become person 5. No old search finds a stranger.
        ("impersonation_fpir@1e-3", 1 / 6),
        ("impersonation_fpir_before@1e-3", 0.0),
        ("impersonation_cross_version_fpir@1e-3", 1 / 6),
        ("impersonation_nominal_fpir@1e-3", 0.0),
        ("impersonation_excess@1e-3", 1 / 6),
        ("impersonation_cross_version_excess@1e-3", 1 / 6),
        # All are equally far from the subject: the first three, who lose half of their pairs.
        ("neighbours_tmr_drop@1e-3", 0.5),
        ("neighbours_cross_version_tmr_drop@1e-3", 3 / 12),
        ("forgotten_rank5_before", 1.0),
        ("forgotten_rank10_before", 1.0),
        ("forgotten_rank1_before", 1.0),
        ("forgotten_rank1_equal_before", 1.0),
        ("forgotten_compactness_before", (15.25 / 5.75) ** 0.5),
        # Of the new photos the two that stay are as like each other as before, all others like
        # nothing; each of those two matches itself.
        ("forgotten_mated_mean_before", 0.75),
        ("forgotten_mated_mean", 0.75 / 15),
        ("forgotten_same_photo_tmr@1e-3", 2 / 6),
        # Each lost photo is compared with 156 of others; 6 pairs are of two lost photos.
        ("benchmark_non_mated_mean_before", 0.25),
        ("benchmark_non_mated_mean", 0.25 * (1 - (4 * 156 - 6) / 12480)),
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
    for gallery, templates in (("", 160), ("_equal", 120), ("_centroid", 40)):
        for rate in ("rank1", "tpir"):
            assert subject[f"forgotten_{rate}{gallery}"].sample == {
                "photos": 6,
                "searches": 6,
                "people": 40,
                "templates": templates,
            }


def test_every_figure_of_the_catalogue_is_there_and_no_other(exact: Certification) -> None:
    assert set(exact.benchmark) == set(BENCHMARK_FIGURES)
    assert set(exact.subjects["subject"]) == set(SUBJECT_FIGURES)
    assert set(FIGURES) == set(BENCHMARK_FIGURES) | set(SUBJECT_FIGURES)


def test_too_few_comparisons_for_an_fmr_give_no_figure_and_the_reason(exact: Certification) -> None:
    for fmr, fewest in (("1e-4", "30,000"), ("1e-5", "300,000")):
        for figures, table in (
            (exact.benchmark, KEPT_AT_FMR),
            (exact.subjects["subject"], FORGOTTEN_AT_FMR),
        ):
            for name in table:
                found = figures[f"{name}@{fmr}"]
                assert found.estimate is None
                assert f"no threshold at FMR {fmr}: 12,480 non-mated" in str(found.reason)
                assert f"at least {fewest}" in str(found.reason)


def test_too_few_searches_give_no_open_set_figure_and_the_reason(exact: Certification) -> None:
    for name in ("benchmark_tpir", "benchmark_tpir_before", "benchmark_tpir_drop"):
        assert exact.benchmark[name].estimate is None
        assert "no threshold at FPIR 1e-2: 160 non-mated trials" in str(
            exact.benchmark[name].reason
        )


def test_a_small_gallery_cannot_say_who_is_among_the_first_ten() -> None:
    figures = drawn_world(people=9, photos=12).certify().subjects["subject"]
    assert figures["forgotten_rank5"].estimate is not None
    assert figures["forgotten_rank10"].estimate is None
    assert "9 benchmark people" in str(figures["forgotten_rank10"].reason)


def test_only_the_recalibrated_figures_lack_where_the_new_version_alone_has_no_threshold() -> None:
    world = drawn_world(people=16, photos=4)
    people = {name: templates for name, templates in world.old.items() if name != "subject"}
    benchmark = Benchmark(People.of(people), People.of(people), 0)
    lacking = {fmr: Threshold(fmr, None, 100) for fmr in FMRS}
    enough = dict(benchmark.thresholds) | {1e-3: Threshold(1e-3, 0.4, 1920)}
    benchmark.__dict__.update(thresholds=enough, recalibrated=lacking)
    subject = SubjectTemplates(
        Versions(world.old["subject"][:12], world.new["subject"][:12]),
        Versions(world.old["subject"][12:], world.new["subject"][12:]),
    )
    found = benchmark.figures() | Forgotten(subject, benchmark).figures()
    without = {name for name in found if name.endswith("@1e-3") and found[name].estimate is None}
    assert without == {
        "benchmark_tmr_recalibrated@1e-3",
        "benchmark_tmr_recalibrated_drop@1e-3",
        "forgotten_tmr_recalibrated@1e-3",
    }
    assert all("100 non-mated trials" in str(found[name].reason) for name in without)


def test_open_set_figures_of_everybody_else_are_there_where_searches_suffice() -> None:
    world = drawn_world(people=60, photos=6)
    names = [f"person{person:02}" for person in range(30)]
    rng = np.random.default_rng(1)
    for name in names:  # half of the people lose one photo of six
        world.new[name] = world.old[name].copy()
        world.new[name][0] = strangers(rng, 1)
    found = world.certify().benchmark
    assert found["benchmark_tpir_before"].estimate == pytest.approx(1.0, abs=0.01)
    assert found["benchmark_tpir"].estimate == pytest.approx(1 - 30 / 360, abs=0.01)
    drop = found["benchmark_tpir_drop"]
    assert drop.estimate == pytest.approx(30 / 360, abs=0.01)
    assert drop.interval is not None
    assert drop.interval[0] < drop.estimate < drop.interval[1]
    assert drop.sample == {"people": 60, "searches": 360}


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


def test_the_interval_of_the_mean_non_mated_score_is_that_of_resampled_pairs_of_people() -> None:
    people = {name: rows for name, rows in drawn_world(12).old.items() if name != "subject"}
    people["few"] = people.popitem()[1][:2]
    sums = np.stack([rows.sum(axis=0) for rows in people.values()]).astype(np.float64)
    sizes = np.array([len(rows) for rows in people.values()], dtype=float)
    others = 1 - np.eye(len(people))
    drawn = pair_replicates(sums @ sums.T * others, np.outer(sizes, sizes) * others, seed=3)
    both = People.of(people)
    found = Benchmark(both, both, 3).figures()["benchmark_non_mated_mean"]
    assert found.interval == pytest.approx(percentiles(drawn))
    assert found.sample == {"people": 12, "non_mated": (68**2 - 11 * 36 - 4) // 2}


def test_the_guide_names_every_figure_and_no_other() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "certification.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z0-9_]+)`", guide))
    figures = {name.partition("@")[0] for name in FIGURES}
    assert figures - named == set()
    families = {name.partition("_")[0] for name in figures}
    assert {name for name in named if name.partition("_")[0] in families and "_" in name} == figures
