"""Thresholds at a false match rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.certification.worlds import unit
from workers.certification.comparisons import highest_non_mated
from workers.certification.templates import People
from workers.certification.thresholds import at_fmr, at_fpir, label, threshold_at_fmr

scores_of_strangers = arrays(
    np.float32, st.integers(1, 200), elements=st.floats(-1, 1, width=32, allow_subnormal=False)
)
rates = st.sampled_from([0.3, 0.1, 0.05, 0.01, 0.001])


@given(scores_of_strangers, rates)
def test_no_more_than_the_rate_of_strangers_match_and_no_lower_threshold_does_that(
    scores: np.ndarray, rate: float
) -> None:
    threshold = threshold_at_fmr(scores, rate)
    assert (scores >= threshold).sum() <= rate * len(scores) + 1e-9
    below = scores[scores < threshold].max()  # there is one: the rate is below 1
    assert (scores >= below).sum() > rate * len(scores)


@given(scores_of_strangers, rates, st.randoms(use_true_random=False))
def test_the_order_of_the_scores_does_not_matter(scores: np.ndarray, rate: float, random) -> None:
    shuffled = scores.tolist()
    random.shuffle(shuffled)
    assert threshold_at_fmr(np.array(shuffled, np.float32), rate) == threshold_at_fmr(scores, rate)


@given(scores_of_strangers, scores_of_strangers)
def test_fewer_mated_comparisons_match_at_a_stricter_rate(
    scores: np.ndarray, mated: np.ndarray
) -> None:
    matching = [(mated >= threshold_at_fmr(scores, rate)).mean() for rate in (0.3, 0.1, 0.01)]
    assert matching == sorted(matching, reverse=True)


def test_ties_at_the_boundary_go_against_the_match() -> None:
    scores = np.array([0.9] + [0.5] * 5 + [0.1] * 14, dtype=np.float32)
    threshold = threshold_at_fmr(scores, 0.1)  # 2 of 20 may match, and 6 have at least 0.5
    assert 0.5 < threshold <= 0.9
    assert (scores >= threshold).sum() == 1


def test_one_in_a_thousand_of_three_thousand_is_three() -> None:
    scores = np.arange(3000, dtype=np.float32)
    assert (scores >= threshold_at_fmr(scores, 0.001)).sum() == 3


def test_a_rate_that_the_comparisons_cannot_show_has_no_threshold_and_a_reason() -> None:
    rng = np.random.default_rng(0)
    people = People.of({str(i): unit(rng.normal(size=(8, 32))) for i in range(11)})
    found = at_fmr(people)
    assert found[1e-3].trials == 3520
    assert found[1e-3].value is not None
    assert not found[1e-3].enough_for_rule_of_30
    assert found[1e-4].value is None
    assert "at least 30,000" in str(found[1e-4].reason)
    assert found[1e-5].value is None
    assert "at least 300,000" in str(found[1e-5].reason)


def test_three_hundred_thousand_comparisons_set_a_threshold_at_one_in_a_hundred_thousand() -> None:
    rng = np.random.default_rng(0)
    people = People.of({str(i): unit(rng.normal(size=(1, 16))) for i in range(776)})
    found = at_fmr(people)
    assert found[1e-5].trials == 300_700
    scores = highest_non_mated(people, 5)
    assert found[1e-5].value is not None
    assert (scores >= found[1e-5].value).sum() == 3
    assert not found[1e-5].enough_for_rule_of_30


def test_thresholds_of_people_are_those_of_all_their_scores() -> None:
    rng = np.random.default_rng(0)
    templates = {str(i): unit(rng.normal(size=(20, 32))) for i in range(14)}
    every = People.of(templates)
    scores = (every.templates @ every.templates.T)[every.owners[:, None] < every.owners[None, :]]
    for fmr, threshold in at_fmr(every, (1e-2, 1e-3, 1e-4)).items():
        assert threshold.value == pytest.approx(threshold_at_fmr(scores, fmr), abs=1e-6)


def test_a_search_threshold_needs_three_hundred_searches() -> None:
    scores = np.arange(300, dtype=np.float32)
    assert at_fpir(scores[1:]).value is None
    threshold = at_fpir(scores).value
    assert threshold is not None
    assert (scores >= threshold).sum() == 3


def test_rates_are_written_one_way() -> None:
    assert [label(rate) for rate in (0.001, 1e-4, 1e-5, 0.01, 2.5e-3)] == [
        "1e-3",
        "1e-4",
        "1e-5",
        "1e-2",
        "2.5e-3",
    ]
