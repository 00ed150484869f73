"""Pooled features in worlds where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.certification.scenes import estimates, scene
from tests.certification.worlds import World, drawn_world, exact_world, strangers
from workers.certification.attacks import pooled


def test_pairs_of_photos_are_counted_by_their_pooled_features() -> None:
    world = exact_world()
    subject, benchmark = scene(world, pooled=world)
    found = pooled.figures(subject, benchmark)
    assert estimates(found) == {
        "pooled_tmr": 1 / 15,
        "pooled_tmr_before": 1.0,
        "pooled_kept_drop": pytest.approx(12 / 240),  # 4 people lose one photo of four
    }
    assert found["pooled_tmr"].sample == {"photos": 6, "comparisons": 15, "non_mated": 12480}
    low, high = found["pooled_tmr"].interval
    assert low == 0 < 1 / 15 < high < 0.5


def test_templates_that_forget_over_features_that_do_not_are_found_out() -> None:
    world = drawn_world()
    unchanged = World(world.old, forget=world.forget)
    found = pooled.figures(*scene(world, pooled=unchanged))
    assert found["pooled_tmr"] == found["pooled_tmr_before"]
    assert found["pooled_tmr"].estimate > 0.95


def test_features_in_which_nobody_is_known_lose_everybody_else() -> None:
    world = drawn_world()
    rng = np.random.default_rng(3)
    nobody = {name: strangers(rng, len(rows)) for name, rows in world.old.items()}
    found = pooled.figures(*scene(world, pooled=World(world.old, nobody, world.forget)))
    assert found["pooled_tmr"].estimate < 0.1
    lost = found["pooled_kept_drop"]
    assert lost.estimate > 0.9
    assert lost.worst >= lost.estimate
    assert lost.sample == {"people": 30, "comparisons": 450, "non_mated": 15660}


def test_without_a_linear_last_layer_the_figures_are_missing_and_say_so() -> None:
    found = pooled.figures(*scene(drawn_world()))
    assert set(found) == set(pooled.TITLES)
    assert {figure.reason for figure in found.values()} == {pooled.NO_LAYER}


def test_too_few_people_or_photos_give_no_figure() -> None:
    few = drawn_world(people=3)
    for figure in pooled.figures(*scene(few, pooled=few)).values():
        assert "rule of 3" in figure.reason
    world = drawn_world()
    world.forget = 23
    found = pooled.figures(*scene(world, pooled=world))["pooled_tmr"]
    assert found.reason == "1 held-out photo; a comparison needs two"
