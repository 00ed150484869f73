"""Bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pytest

from workers.certification.intervals import (
    pair_replicates,
    percentiles,
    proportion_interval,
    ratio_replicates,
)


def test_the_interval_of_a_mean_has_the_width_that_theory_gives() -> None:
    values = np.random.default_rng(1).normal(size=400)
    low, high = percentiles(ratio_replicates(values, np.ones(400), seed=0)) or (0, 0)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_people_with_many_photos_do_not_make_the_interval_narrower() -> None:
    matches, comparisons = np.array([10, 0, 10, 0]), np.array([10, 10, 10, 10])
    few = percentiles(ratio_replicates(matches, comparisons, seed=0))
    many = percentiles(ratio_replicates(matches * 100, comparisons * 100, seed=0))
    assert few == many


def test_the_interval_of_pairs_is_that_of_resampled_photos() -> None:
    rng = np.random.default_rng(5)
    coverage = 0
    for trial in range(60):  # photos match when both are clear: the true share is 0.6² of pairs
        clear = rng.random(40) < 0.6
        matches = np.triu(np.outer(clear, clear), k=1).astype(float)
        compared = np.triu(np.ones((40, 40)), k=1)
        low, high = percentiles(pair_replicates(matches, compared, seed=trial)) or (0, 0)
        coverage += low <= 0.36 <= high
    assert coverage >= 50  # about 57 of 60


def test_a_unit_drawn_twice_is_not_compared_with_itself() -> None:
    matches = np.array([[0.0, 0.0], [0.0, 0.0]])
    compared = np.triu(np.ones((2, 2)), k=1)
    replicates = pair_replicates(matches, compared, seed=0)
    assert np.isnan(replicates).any()  # the same photo twice: nothing to compare
    assert (replicates[~np.isnan(replicates)] == 0).all()


def test_no_match_at_all_still_has_an_upper_bound() -> None:
    nothing = np.zeros(1000)
    low, high = proportion_interval(0.0, nothing, units=20) or (1, 1)
    assert (low, high) == (0.0, pytest.approx(0.1684, abs=1e-4))  # Clopper–Pearson, 0 of 20
    low, high = proportion_interval(1.0, nothing + 1, units=20) or (0, 0)
    assert (low, high) == (pytest.approx(0.8316, abs=1e-4), 1.0)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values, ones = np.random.default_rng(1).random(50), np.ones(50)
    first, again, other = (percentiles(ratio_replicates(values, ones, seed)) for seed in (7, 7, 8))
    assert first == again != other


def test_no_replicate_with_a_value_is_no_interval() -> None:
    assert percentiles(np.full(1000, np.nan)) is None
