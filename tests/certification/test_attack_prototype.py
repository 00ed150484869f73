"""k-shot prototypes in worlds where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.certification.scenes import estimates, scene
from tests.certification.worlds import World, drawn_world, exact_world, strangers, unit
from workers.certification.attacks import prototype
from workers.certification.forgotten import Forgotten
from workers.certification.templates import People


def test_a_prototype_of_one_photo_is_the_plain_comparison() -> None:
    subject, benchmark = scene(exact_world())
    found, plain = prototype.figures(subject, benchmark), Forgotten(subject, benchmark).figures()
    assert found["prototype_tmr_1"].estimate == pytest.approx(1 / 15)
    after, expected = found["prototype_tmr_1"], plain["forgotten_tmr_recalibrated@1e-3"]
    assert after.estimate == pytest.approx(expected.estimate)
    assert after.interval == pytest.approx(expected.interval)
    assert found["prototype_tmr_1_before"].estimate == plain["forgotten_tmr_before@1e-3"].estimate


def look_alike_world() -> World:
    """Single photos are worth nothing, means of five are worth everything.

    The first photos of all 30 people have 0.6 in common, one comparison in a hundred, so the
    threshold of photos is above that; no two photos of the subject are above 0.5.
    """
    axes = iter(np.eye(400))
    light = next(axes)
    old = {}
    for person in range(30):
        own = next(axes)
        first = [0.4**0.5 * own + 0.6**0.5 * light]
        old[f"person{person:02}"] = unit(np.stack(first + [own + next(axes) for _ in range(9)]))
    own = next(axes)
    old["subject"] = unit(np.stack([own + next(axes) for _ in range(12)]))
    return World(old)


def test_a_mean_of_five_photos_knows_a_subject_whom_no_photo_knows() -> None:
    found = prototype.figures(*scene(look_alike_world()))
    assert found["prototype_tmr_1"].estimate == 0
    assert found["prototype_tmr_5"].estimate == 1
    assert found["prototype_tmr_10"].estimate == 1


def test_photos_that_have_become_strangers_make_no_prototype() -> None:
    world = drawn_world(photos=12)
    found = estimates(prototype.figures(*scene(world)))
    for shots in prototype.SHOTS:
        assert found[f"prototype_tmr_{shots}"] < 0.05
        assert found[f"prototype_tmr_{shots}_before"] > 0.95


def test_the_threshold_of_prototypes_is_at_one_in_a_thousand_of_their_comparisons() -> None:
    rng = np.random.default_rng(3)
    people = People.of({f"person{number}": strangers(rng, 10 + number) for number in range(12)})
    threshold = prototype.at_prototypes(people, 5, seed=0)
    made = prototype.prototypes_of(people, 5, seed=0)
    scores = (made.templates @ people.templates.T)[made.owners[:, None] != people.owners]
    assert list(made.sizes) == [size // 5 for size in people.sizes]
    assert threshold.trials == scores.size >= 3000
    allowed = scores.size // 1000
    assert np.count_nonzero(scores >= threshold.value) == allowed
    assert np.count_nonzero(scores >= threshold.value - 1e-6) == allowed + 1


@pytest.mark.parametrize("forget", [14, 19])
def test_a_prototype_and_a_probe_take_more_photos_than_its_own(forget: int) -> None:
    world = drawn_world(photos=12)
    world.forget = forget  # of 24
    found = prototype.figures(*scene(world))
    assert set(found) == set(prototype.TITLES)
    held_out = 24 - forget
    for shots in prototype.SHOTS:
        figure = found[f"prototype_tmr_{shots}"]
        assert (figure.estimate is None) == (held_out <= shots)
    ten = found["prototype_tmr_10"]
    assert ten.reason == f"{held_out} held-out photos; to enrol 10 and to probe takes more"
    assert ten.sample == {"photos": held_out}


def test_people_with_too_few_photos_set_no_threshold_of_prototypes() -> None:
    found = prototype.figures(*scene(drawn_world(photos=6)))  # nobody has ten
    assert found["prototype_tmr_5"].estimate is not None
    assert found["prototype_tmr_10"].estimate is None
    assert found["prototype_tmr_10"].reason.startswith("no threshold for prototypes of 10: 0 non-")


def test_the_same_seed_gives_the_same_figures_to_the_bit() -> None:
    world = drawn_world(photos=12)
    first, again = (prototype.figures(*scene(world, seed=4)) for _ in range(2))
    assert first == again
