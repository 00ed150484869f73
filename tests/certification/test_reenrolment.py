"""The subject enrolled again with new photos."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

import numpy as np
import pytest

from tests.certification.test_searches import plane
from tests.certification.worlds import unit
from workers.certification import reenrolment
from workers.certification.reenrolment import (
    RANKS,
    found_by_rank,
    reenrol,
    reenrol_centroids,
    reenrol_equal,
)
from workers.certification.templates import People, Templates


def corners(rng: np.random.Generator, photos: int) -> Templates:
    """Templates whose similarities are exact, and often equal."""
    return rng.choice([-0.5, 0.5], size=(photos, 4)).astype(np.float32)


def halvings(photos: int) -> Iterator[tuple[list[int], list[int]]]:
    """Every one, both ways round: each photo is a probe as often as in those that are drawn."""
    for first in combinations(range(photos), photos // 2):
        rest = [photo for photo in range(photos) if photo not in first]
        yield list(first), rest
        yield rest, list(first)


def test_rank_1_is_the_share_of_probes_nearer_to_the_enrolled_subject_than_to_anybody() -> None:
    held_out = plane(0, 30)  # each enrolled while the other is the probe: 30 degrees apart
    gallery = People.of({"a": plane(50, 180), "b": plane(-40, 200)})  # 40 from 0, 20 from 30
    found = reenrol(held_out, gallery, seed=0)
    assert found.rank1.tolist() == [1, 0]
    assert found.tpir is None
    assert "at least 300" in str(found.threshold.reason)


def test_the_rank_counts_the_people_who_are_nearer_each_of_them_once() -> None:
    # 100 degrees apart; person i has two photos at 10 i + 5 and 10 i + 6 degrees from the one.
    gallery = People.of({str(i): plane(10 * i + 5, 10 * i + 6) for i in range(4)})
    found = found_by_rank(plane(0, 100), gallery)
    assert found.shape == (2, RANKS)
    assert found[0].tolist() == [0] * 4 + [1] * (RANKS - 4)
    assert reenrol(plane(0, 100), gallery, seed=0).rank1.tolist() == [0, 0]


@pytest.mark.parametrize("photos", [2, 5, 6])
def test_every_rank_is_counted_over_all_halvings(photos: int) -> None:
    rng = np.random.default_rng(photos + 5)
    held_out = corners(rng, photos)
    gallery = People.of({str(i): corners(rng, 2) for i in range(6)})
    expected, often = np.zeros((photos, RANKS)), np.zeros(photos)
    for enrolled, probes in halvings(photos):
        for probe in probes:
            own = max(held_out[enrolled] @ held_out[probe])
            better = sum(max(gallery[i] @ held_out[probe]) > own for i in range(6))
            expected[probe] += np.arange(RANKS) >= better
            often[probe] += 1
    assert 0 < expected[:, 0].sum() < often.sum()
    np.testing.assert_allclose(found_by_rank(held_out, gallery), expected / often[:, None])


@pytest.mark.parametrize("photos", [4, 5])
def test_rank_1_among_equals_is_counted_over_all_halvings_and_all_draws(photos: int) -> None:
    rng = np.random.default_rng(photos)
    held_out = corners(rng, photos)
    gallery = People.of({name: corners(rng, size) for name, size in (("a", 1), ("b", 3), ("c", 4))})
    expected, often = np.zeros(photos), np.zeros(photos)
    for enrolled, probes in halvings(photos):
        choices = [
            combinations(gallery[person], min(len(enrolled), len(gallery[person])))
            for person in range(3)
        ]
        draws = [np.concatenate(drawn) for drawn in product(*choices)]
        for probe in probes:
            own = max(held_out[enrolled] @ held_out[probe])
            expected[probe] += np.mean([own >= max(drawn @ held_out[probe]) for drawn in draws])
            often[probe] += 1
    assert 0 < expected.sum() < often.sum()
    found = reenrol_equal(held_out, gallery, seed=0)
    np.testing.assert_allclose(found.rank1, expected / often)
    assert found.templates == 1 + 2 + 2


def test_tpir_counts_first_places_above_the_threshold_at_fpir() -> None:
    people = {f"{i}": plane(90 + i / 10, 90 + i / 10) for i in range(150)}  # 90 … 104.9 degrees
    # Everybody finds a stranger at 0.1 degrees: the threshold is cos(0.1).
    for enrol in (reenrol, reenrol_equal, reenrol_centroids):
        clear = enrol(plane(0, 0.05), People.of(people), seed=0)
        assert clear.tpir is not None
        assert (clear.rank1.tolist(), clear.tpir.tolist()) == ([1, 1], [1, 1])
        unclear = enrol(plane(0, 5), People.of(people), seed=0)
        assert unclear.tpir is not None
        assert (unclear.rank1.tolist(), unclear.tpir.tolist()) == ([1, 1], [0, 0])


def test_a_crowd_of_photos_hides_the_subject_better_than_as_many_as_theirs() -> None:
    rng = np.random.default_rng(0)
    gallery = People.of({str(i): unit(rng.normal(size=(40, 64))) for i in range(19)})
    held_out = unit(rng.normal(size=(20, 64)) + 0.6)
    crowd, equal = (enrol(held_out, gallery, seed=0) for enrol in (reenrol, reenrol_equal))
    assert (crowd.templates, equal.templates) == (760, 190)
    assert crowd.rank1.mean() < equal.rank1.mean() - 0.1
    assert crowd.tpir is not None
    assert equal.tpir is not None
    assert 0 < crowd.tpir.mean() < equal.tpir.mean()


def test_people_with_no_more_photos_than_the_subject_are_enrolled_with_all_of_them() -> None:
    rng = np.random.default_rng(0)
    gallery = People.of({str(i): unit(rng.normal(size=(4, 16))) for i in range(80)})
    held_out = unit(rng.normal(size=(9, 16)) + 1.6)
    all_of_them, equal = (enrol(held_out, gallery, seed=0) for enrol in (reenrol, reenrol_equal))
    assert equal.templates == all_of_them.templates == 320
    np.testing.assert_allclose(equal.rank1, all_of_them.rank1, atol=1e-12)
    assert equal.tpir is not None
    assert all_of_them.tpir is not None
    assert equal.tpir.tolist() == all_of_them.tpir.tolist()
    assert 0 < equal.tpir.mean() < 1


@pytest.mark.parametrize(("constant", "value"), [("SCORES_AT_ONCE", 700), ("DRAWN_SCORES", 1)])
def test_blocks_change_nothing_and_fewer_galleries_little(
    monkeypatch: pytest.MonkeyPatch, constant: str, value: int
) -> None:
    rng = np.random.default_rng(0)
    gallery = People.of({str(i): unit(rng.normal(size=(6, 16))) for i in range(60)})
    held_out = unit(rng.normal(size=(8, 16)) + 1.3)
    whole = reenrol_equal(held_out, gallery, seed=0)
    monkeypatch.setattr(reenrolment, constant, value)
    found = reenrol_equal(held_out, gallery, seed=0)
    assert found.rank1.tolist() == whole.rank1.tolist()
    assert found.tpir is not None
    assert whole.tpir is not None
    within = 0.0 if constant == "SCORES_AT_ONCE" else 0.1
    assert found.tpir.mean() == pytest.approx(whole.tpir.mean(), abs=within)
    assert 0 < found.tpir.mean() < 1


def test_photos_like_those_of_as_many_strangers_are_found_first_about_as_often_as_chance() -> None:
    rng = np.random.default_rng(0)
    gallery = People.of({str(i): unit(rng.normal(size=(10, 64))) for i in range(19)})
    found = reenrol(unit(rng.normal(size=(20, 64))), gallery, seed=0)
    assert found.rank1.mean() < 0.2  # 10 of 200 enrolled templates are the subject's
