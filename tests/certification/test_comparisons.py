"""Scores of mated and non-mated comparisons."""

from __future__ import annotations

import tracemalloc
from itertools import combinations

import numpy as np
import pytest

from tests.certification.worlds import unit
from workers.certification import comparisons, intervals
from workers.certification.comparisons import (
    FalseMatches,
    cross_version_counts,
    cross_version_scores,
    false_matches,
    highest_non_mated,
    mated_counts,
    mated_scores,
    mean_non_mated,
    non_mated_blocks,
    non_mated_count,
)
from workers.certification.intervals import pair_replicates, sparse_pair_replicates
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
        assert false_matches(crowd, 0.5).matches.sum() == (whole >= 0.5).sum()


@pytest.mark.parametrize("at_once", [1, 10, 60, 2**22])
def test_every_block_says_where_it_stands_and_no_score_is_left_out(
    crowd: People, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(comparisons, "SCORES_AT_ONCE", at_once)
    seen = np.full((18, 18), np.nan)
    for row, column, block in non_mated_blocks(crowd):
        part = seen[row : row + block.shape[0], column : column + block.shape[1]]
        assert np.isnan(part).all()
        part[:] = block
    whole = crowd.templates @ crowd.templates.T
    different = crowd.owners[:, None] < crowd.owners[None, :]
    np.testing.assert_allclose(seen, np.where(different, whole, np.nan), atol=1e-6)


@pytest.mark.parametrize("threshold", [-1.1, 0.2, 0.9, 1.1])
@pytest.mark.parametrize("at_once", [10, 2**22])
def test_false_matches_are_counted_by_the_two_people(
    crowd: People, monkeypatch: pytest.MonkeyPatch, threshold: float, at_once: int
) -> None:
    monkeypatch.setattr(comparisons, "SCORES_AT_ONCE", at_once)
    found = false_matches(crowd, threshold)
    np.testing.assert_array_equal(dense(found, 5), all_false_matches(crowd, threshold))
    assert (found.matches > 0).all()
    assert (np.diff(found.first) >= 0).all()


@pytest.mark.parametrize("units_at_once", [2, 3, 256])
def test_intervals_from_the_false_matches_alone_are_those_of_the_whole_matrix_to_the_bit(
    monkeypatch: pytest.MonkeyPatch, units_at_once: int
) -> None:
    monkeypatch.setattr(intervals, "UNITS_AT_ONCE", units_at_once)
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 9, size=23)
    people = People.of({str(i): unit(rng.normal(size=(n, 8))) for i, n in enumerate(sizes)})
    compared = np.triu(np.outer(sizes, sizes), k=1)
    for threshold in (-1.1, 0.3, 0.8, 1.1):
        found = false_matches(people, threshold)
        sparse = sparse_pair_replicates((found.first, found.second), found.matches, sizes, seed=5)
        whole = pair_replicates(all_false_matches(people, threshold), compared, seed=5)
        np.testing.assert_array_equal(sparse, whole)


def test_ten_thousand_people_take_megabytes() -> None:
    rng = np.random.default_rng(0)
    sizes = np.ones(10_000, dtype=np.int64)
    people = People(tuple(map(str, range(10_000))), unit(rng.normal(size=(10_000, 4))), sizes)
    tracemalloc.start()
    found = false_matches(people, 0.998)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 1000 < len(found.matches) < 100_000
    assert peak < 64 * 2**20  # a matrix of people by people has 763 MiB


def dense(found: FalseMatches, people: int) -> np.ndarray:
    counts = np.zeros((people, people), dtype=np.int64)
    counts[found.first, found.second] = found.matches
    return counts


def all_false_matches(people: People, threshold: float) -> np.ndarray:
    """(P, P) above the diagonal."""
    counts = np.zeros((len(people), len(people)), dtype=np.int64)
    for first, second in combinations(range(len(people)), 2):
        counts[first, second] = (people[first] @ people[second].T >= threshold).sum()
    return counts
