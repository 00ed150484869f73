"""Scores of mated and non-mated comparisons."""

from __future__ import annotations

import numpy as np
import pytest

from tests.certification.worlds import unit
from workers.certification import comparisons
from workers.certification.comparisons import (
    cross_version_counts,
    cross_version_scores,
    false_matches,
    highest_non_mated,
    mated_counts,
    mated_scores,
    mean_non_mated,
    non_mated_count,
)
from workers.certification.templates import People, Templates


def photos(*rows: list[float]) -> Templates:
    return np.array(rows, dtype=np.float32)


A = photos([1, 0], [0.6, 0.8], [0, 1])  # pairs: 0.6, 0, 0.8
B = photos([-1, 0])


def test_each_pair_of_a_persons_photos_is_compared_once() -> None:
    assert sorted(mated_scores(A).tolist()) == pytest.approx([0.0, 0.6, 0.8])
    assert len(mated_scores(B)) == 0


def test_a_photo_is_never_compared_with_itself_across_versions() -> None:
    turned = photos([0, 1], [0.8, 0.6], [1, 0])
    found = cross_version_scores(A, turned)
    # probe 0 to gallery 1, 2; probe 1 to 0, 2; probe 2 to 0, 1
    assert found.tolist() == pytest.approx([0.8, 1.0, 0.8, 0.6, 1.0, 0.6])


def test_matches_are_counted_for_each_person_at_or_above_the_threshold() -> None:
    people = People.of({"a": A, "b": B})
    threshold = float(mated_scores(A).max())
    matches, comparisons_ = mated_counts(people, threshold)
    assert (matches.tolist(), comparisons_.tolist()) == ([1, 0], [3, 0])
    matches, comparisons_ = cross_version_counts(people, people, threshold)
    assert (matches.tolist(), comparisons_.tolist()) == ([2, 0], [6, 0])


def test_non_mated_scores_are_those_across_people_each_once() -> None:
    people = People.of({"a": A, "b": B, "c": photos([0, -1], [0, 1])})
    found = highest_non_mated(people, 100)
    assert len(found) == non_mated_count(people) == 3 * 1 + 3 * 2 + 1 * 2
    expected = [-1, -0.6, 0, 0, 0, -0.8, 0.8, -1, 1, 0, 0]
    assert sorted(found.tolist()) == pytest.approx(sorted(expected))
    assert mean_non_mated(people) == pytest.approx(np.mean(expected))


@pytest.fixture
def crowd() -> People:
    rng = np.random.default_rng(3)
    sizes = (3, 1, 5, 2, 7)
    return People.of({str(i): unit(rng.normal(size=(n, 4))) for i, n in enumerate(sizes)})


def test_small_blocks_give_the_same_scores_as_the_whole_matrix(
    crowd: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    different = crowd.owners[:, None] < crowd.owners[None, :]
    whole = np.sort((crowd.templates @ crowd.templates.T)[different])[::-1]
    for at_once in (1, 10, 10**6):
        monkeypatch.setattr(comparisons, "SCORES_AT_ONCE", at_once)
        for count in (1, 4, len(whole)):
            np.testing.assert_allclose(highest_non_mated(crowd, count), whole[:count], atol=1e-6)
        matches, compared = false_matches(crowd, 0.5)
        assert matches.sum() == (whole >= 0.5).sum()
        assert compared.sum() == len(whole)


def test_false_matches_are_counted_by_the_two_people(crowd: People) -> None:
    matches, compared = false_matches(crowd, 0.2)
    assert compared[2, 4] == 5 * 7
    assert matches[2, 4] == (crowd[2] @ crowd[4].T >= 0.2).sum()
    assert not np.tril(compared).any()
