"""Searches in a gallery."""

from __future__ import annotations

import numpy as np
import pytest

from tests.certification.worlds import unit
from workers.certification import searches
from workers.certification.compactness import compactness
from workers.certification.searches import best_scores, non_mated_searches, own_best, reenrol
from workers.certification.templates import People, Templates


def plane(*degrees: float) -> Templates:
    """Templates in a plane: the similarity of two is the cosine of the angle between them."""
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def cos(degrees: float) -> float:
    return float(np.cos(np.deg2rad(degrees)))


def test_the_best_score_is_that_of_the_nearest_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "SCORES_AT_ONCE", 2)
    found = best_scores(plane(0, 50, 90), plane(10, 60))
    assert found.tolist() == pytest.approx([cos(10), cos(10)], abs=1e-6)
    assert best_scores(plane(), plane(10)).tolist() == [-np.inf]


def test_in_a_non_mated_search_the_persons_own_templates_are_out_of_the_gallery() -> None:
    people = People.of({"a": plane(0, 10), "b": plane(40), "c": plane(100, 190)})
    expected = [cos(40), cos(30), cos(30), cos(60), cos(150)]
    assert non_mated_searches(people, people).tolist() == pytest.approx(expected, abs=1e-6)
    assert own_best(people).tolist() == pytest.approx([cos(10), cos(10), -np.inf, 0, 0], abs=1e-6)


def test_a_search_by_centroid_sees_one_template_a_person() -> None:
    people = People.of({"a": plane(0, 10), "b": plane(40, 60)})
    found = non_mated_searches(people.centroids, people)
    assert found.tolist() == pytest.approx([cos(50), cos(40), cos(35), cos(55)], abs=1e-6)


def test_rank_1_is_the_share_of_probes_nearer_to_the_enrolled_subject_than_to_anybody() -> None:
    held_out = plane(0, 30)  # each enrolled while the other is the probe: 30 degrees apart
    gallery = People.of({"a": plane(50, 180), "b": plane(-40, 200)})  # 40 from 0, 20 from 30
    found = reenrol(held_out, gallery, by_centroid=False, seed=0)
    assert found.rank1.tolist() == [1, 0]
    assert found.tpir is None
    assert "at least 300" in str(found.threshold.reason)


def test_tpir_counts_first_places_above_the_threshold_at_fpir() -> None:
    people = {f"{i}": plane(90 + i / 10, 90 + i / 10) for i in range(150)}  # 90 … 104.9 degrees
    # Everybody finds a stranger at 0.1 degrees: the threshold is cos(0.1).
    clear = reenrol(plane(0, 0.05), People.of(people), by_centroid=False, seed=0)
    assert (clear.rank1.tolist(), clear.tpir.tolist()) == ([1, 1], [1, 1])
    unclear = reenrol(plane(0, 5), People.of(people), by_centroid=False, seed=0)
    assert (unclear.rank1.tolist(), unclear.tpir.tolist()) == ([1, 1], [0, 0])


def test_photos_like_those_of_as_many_strangers_are_found_first_about_as_often_as_chance() -> None:
    rng = np.random.default_rng(0)
    gallery = People.of({str(i): unit(rng.normal(size=(10, 64))) for i in range(19)})
    found = reenrol(unit(rng.normal(size=(20, 64))), gallery, by_centroid=False, seed=0)
    assert found.rank1.mean() < 0.2  # 10 of 200 enrolled templates are the subject's


def test_compactness_is_one_for_strangers_and_grows_with_similarity() -> None:
    assert compactness(0.02, 0.02) == 1
    assert compactness(0.75, 0.25) == pytest.approx((15.25 / 5.75) ** 0.5)
    assert compactness(-0.2, 0.02) == 0
