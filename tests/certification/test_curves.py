"""DET curves, histograms, CMC and similarity matrices for the report."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.certification.worlds import World, drawn_world
from workers.certification.curves import PHOTOS, SHOWN, curves, subject_curves
from workers.certification.evidence import SubjectTemplates
from workers.certification.reenrolment import RANKS
from workers.certification.retained import Benchmark
from workers.certification.templates import People, Scores, Templates, Versions
from workers.certification.thresholds import threshold_at_fmr


@pytest.fixture(scope="module")
def world() -> World:
    """A third of the benchmark people's new templates are noisier."""
    world = drawn_world(people=30, photos=6)
    rng = np.random.default_rng(7)
    for person in range(10):
        old = world.old[f"person{person:02}"]
        noisy = old + 0.15 * rng.normal(size=old.shape)
        made = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
        world.new[f"person{person:02}"] = made.astype(np.float32)
    return world


def benchmark(world: World) -> Benchmark:
    new = {**world.old, **world.new}
    names = [name for name in world.old if name != "subject"]
    both = (People.of({name: version[name] for name in names}) for version in (world.old, new))
    return Benchmark(*both, seed=0)


def subject(world: World, held_out: int = 12) -> SubjectTemplates:
    old, new = world.old["subject"], world.new["subject"]
    end = 12 + held_out
    return SubjectTemplates(Versions(old[:12], new[:12]), Versions(old[12:end], new[12:end]))


def comparisons(people: People) -> tuple[Scores, Scores]:
    """All mated and all non-mated scores."""
    scores, owners = people.templates @ people.templates.T, people.owners
    pairs = np.triu(np.ones(scores.shape, dtype=bool), k=1)
    same = owners[:, None] == owners
    return scores[pairs & same], scores[pairs & ~same]


def test_the_det_curve_is_that_of_all_scores_to_within_a_ten_thousandth_of_score(
    world: World,
) -> None:
    people = benchmark(world)
    det = curves(people)["det"]
    for version, found in (("old", det["fnmr_old"]), ("new", det["fnmr_new"])):
        mated, non_mated = comparisons(getattr(people, version))
        exact = [threshold_at_fmr(non_mated, fmr) for fmr in det["fmr"][:-1]]
        for value, threshold in zip(found[:-1], exact, strict=True):
            at_least = np.mean(mated < threshold - 1e-6)
            at_most = np.mean(mated < threshold + 1.01e-4)
            assert at_least - 1e-6 <= value <= at_most + 1e-6
    assert det["fnmr_old"] != det["fnmr_new"]
    assert (det["fmr"][-1], det["fnmr_old"][-1], det["fnmr_new"][-1]) == (1, 0, 0)


def test_the_det_curve_begins_where_the_rule_of_3_allows_and_never_rises(world: World) -> None:
    det = curves(benchmark(world))["det"]
    trials = 180 * 174 // 2
    assert 3 / trials < det["fmr"][0] < 3 / trials * 10**0.1
    assert (np.diff(det["fmr"]) > 0).all()
    for name in ("fnmr_old", "fnmr_new"):
        assert len(det[name]) == len(det["fmr"])
        assert (np.diff(det[name]) <= 0).all()


def test_the_histograms_are_the_shares_of_the_scores_in_each_bin(world: World) -> None:
    people = benchmark(world)
    found = curves(people)
    assert len(found["bins"]) == SHOWN + 1
    assert (found["bins"][0], found["bins"][-1]) == (-1, 1)
    for version in ("old", "new"):
        for kind, scores in zip(
            ("mated", "non_mated"), comparisons(getattr(people, version)), strict=True
        ):
            expected = np.histogram(scores, found["bins"])[0] / len(scores)
            # A score on an edge may fall to either side of it.
            np.testing.assert_allclose(found[f"{kind}_{version}"], expected, atol=2 / len(scores))
            assert sum(found[f"{kind}_{version}"]) == pytest.approx(1, abs=1e-4)


def test_all_of_it_is_json_under_the_agreed_names(world: World) -> None:
    people = benchmark(world)
    ours, theirs = curves(people), subject_curves(subject(world), people)
    assert set(ours) == {"det", "bins", "mated_old", "mated_new", "non_mated_old", "non_mated_new"}
    assert set(ours["det"]) == {"fmr", "fnmr_old", "fnmr_new"}
    assert set(theirs) == {
        *("bins", "mated_old", "mated_new", "cross_version"),
        *("similarity_old", "similarity_new", "cmc_old", "cmc_new"),
    }
    for found in (ours, theirs):
        assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_subjects_curves_show_that_the_photos_no_longer_cluster(world: World) -> None:
    found = subject_curves(subject(world), benchmark(world))
    assert mean(found, "mated_old") == pytest.approx(0.6, abs=0.05)
    assert mean(found, "mated_new") == pytest.approx(0.0, abs=0.05)
    assert mean(found, "cross_version") == pytest.approx(0.0, abs=0.05)
    assert found["cmc_old"] == [1.0] * RANKS
    assert len(found["cmc_new"]) == RANKS
    assert found["cmc_new"][0] < 0.3
    assert (np.diff(found["cmc_new"]) >= 0).all()


def test_similarities_are_of_at_most_twenty_four_photos_to_two_decimals() -> None:
    world = drawn_world(people=20)
    rng = np.random.default_rng(0)
    drawn: Templates = rng.normal(size=(30, 128)).astype(np.float32)
    templates = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    many = SubjectTemplates(Versions(templates[:0], templates[:0]), Versions(templates, templates))
    found = subject_curves(many, benchmark(world))
    assert np.shape(found["similarity_old"]) == (PHOTOS, PHOTOS)
    expected = templates[:PHOTOS] @ templates[:PHOTOS].T
    np.testing.assert_allclose(found["similarity_new"], expected, atol=0.005 + 1e-6)
    assert found["similarity_old"][3][4] == round(found["similarity_old"][3][4], 2)


def test_one_held_out_photo_has_no_pairs_and_no_cmc_but_meets_the_old_gallery(world: World) -> None:
    found = subject_curves(subject(world, held_out=1), benchmark(world))
    assert sum(found["mated_old"]) == sum(found["mated_new"]) == 0
    assert found["cmc_old"] == found["cmc_new"] == []
    assert sum(found["cross_version"]) == pytest.approx(1, abs=1e-4)
    assert found["similarity_new"] == [[1.0]]


def mean(found: dict[str, list[float]], name: str) -> float:
    edges = np.array(found["bins"])
    return float((edges[:-1] + edges[1:]) @ np.array(found[name]) / 2)
