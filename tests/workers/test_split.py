"""Which photos forget and which only judge."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.photos import Crop, TooFewPhotos, split


def crop(number: int) -> Crop:
    """A different picture for each number, of a few pixels."""
    return Crop(
        f"{number}.jpg", np.frombuffer(number.to_bytes(12, "big"), np.uint8).reshape(2, 2, 3)
    )


def names(crops: list[Crop]) -> list[str]:
    return sorted(crop.name for crop in crops)


@given(st.sets(st.integers(0, 10**9), min_size=3, max_size=90))
def test_at_least_one_photo_in_three_judges_and_two_or_more_forget(numbers: set[int]) -> None:
    forget, held_out = split([crop(number) for number in numbers])
    assert 3 * len(held_out) >= len(numbers)
    assert len(forget) >= 2


@given(st.sets(st.integers(0, 10**9), min_size=3, max_size=90))
def test_every_photo_is_on_one_side_and_none_on_both(numbers: set[int]) -> None:
    forget, held_out = split([crop(number) for number in numbers])
    assert names([*forget, *held_out]) == names([crop(number) for number in numbers])


@given(st.sets(st.integers(0, 10**9), min_size=3, max_size=30), st.randoms())
def test_the_split_is_the_same_for_any_order_and_any_names(
    numbers: set[int], shuffler: random.Random
) -> None:
    crops = [crop(number) for number in numbers]
    shuffled = [Crop(f"renamed-{index}", each.pixels) for index, each in enumerate(crops)]
    shuffler.shuffle(shuffled)
    for one, other in zip(split(crops), split(shuffled), strict=True):
        assert [each.order for each in one] == [each.order for each in other]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_usable_photos_are_too_few_and_the_line_says_how_many(count: int) -> None:
    with pytest.raises(TooFewPhotos, match=f"{count} usable photos: at least 3 are needed"):
        split([crop(number) for number in range(count)])
