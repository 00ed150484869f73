"""Searches in a gallery."""

from __future__ import annotations

import numpy as np
import pytest

from workers.certification import search, searches
from workers.certification.compactness import compactness
from workers.certification.searches import (
    best_scores,
    non_mated_searches,
    open_set,
    own_best,
    person_scores,
)
from workers.certification.templates import People, Templates


def plane(*degrees: float) -> Templates:
    """Templates in a plane: the similarity of two is the cosine of the angle between them."""
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def cos(degrees: float) -> float:
    return float(np.cos(np.deg2rad(degrees)))


def test_the_best_score_is_that_of_the_nearest_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "TEMPLATES_AT_ONCE", 2)
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


@pytest.mark.parametrize("at_once", [1, 11, 2**22])
def test_a_person_scores_what_their_nearest_template_does(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(searches, "SCORES_AT_ONCE", at_once)
    people = People.of({"a": plane(0, 10), "b": plane(40), "c": plane(100, 190)})
    found = person_scores(people, plane(5, 60, 110))
    expected = [[5, 35, 95], [50, 20, 40], [100, 70, 10]]
    np.testing.assert_allclose(found, np.cos(np.deg2rad(expected)), atol=1e-6)


def test_where_no_stranger_is_ever_found_everybody_is_identified_in_the_open_set() -> None:
    found = open_set(planes([plane(0, 80)] * 4 + [plane(0, 10)] * 156), seed=0)
    assert found.threshold.trials == 320
    assert found.searches.tolist() == [2] * 160
    assert found.identified is not None
    assert found.identified.tolist() == [2] * 160


def test_in_the_open_set_one_must_be_found_first_and_above_what_one_search_in_a_hundred_finds() -> (
    None
):
    # Two look alike: their photos are 4 or 6 degrees apart. Their 4 searches are more than 1 in
    # 100 of the 322, so the threshold is cos 6 at least. The first never is before the second.
    people = planes([plane(0, 10)] + [plane(0, 1)] * 80 + [plane(0, 8)] * 79)
    second = np.zeros((2, people.templates.shape[1]), dtype=np.float32)
    second[:, :2] = plane(4, 6)
    named = {name: people[person] for person, name in enumerate(people.names)}
    found = open_set(People.of({**named, "second": second}), seed=0)
    assert found.threshold.trials == 322
    assert cos(6) <= (found.threshold.value or 0) < cos(3.9)
    assert found.identified is not None
    assert found.identified.tolist() == [0] + [2] * 80 + [0] * 79 + [2]


def test_a_single_photo_is_enrolled_but_not_searched_for() -> None:
    people = planes([plane(0, 10)] * 150 + [plane(0)])
    found = open_set(people, seed=0)
    assert found.searches.tolist() == [2] * 150 + [0]
    assert found.identified is not None
    assert found.identified.tolist() == [2] * 150 + [0]


def test_every_photo_is_enrolled_with_one_half_and_searched_with_the_other() -> None:
    people = planes([plane(0, 10, 20)] * 120)
    found = open_set(people, seed=0)
    assert found.searches.tolist() == [3] * 120
    assert found.identified is not None
    assert found.identified.tolist() == [3] * 120


def test_too_few_searches_set_no_threshold_in_the_open_set() -> None:
    found = open_set(planes([plane(0, 10)] * 149), seed=0)
    assert found.identified is None
    assert "298 non-mated trials" in str(found.threshold.reason)


def planes(people: list[Templates]) -> People:
    """Each person in a plane of their own, at right angles to all others."""
    placed = {}
    for number, templates in enumerate(people):
        rows = np.zeros((len(templates), 2 * len(people)), dtype=np.float32)
        rows[:, 2 * number : 2 * number + 2] = templates
        placed[str(number)] = rows
    return People.of(placed)


def test_compactness_is_one_for_strangers_and_grows_with_similarity() -> None:
    assert compactness(0.02, 0.02) == 1
    assert compactness(0.75, 0.25) == pytest.approx((15.25 / 5.75) ** 0.5)
    assert compactness(-0.2, 0.02) == 0
