"""Old templates replayed in worlds where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.certification.scenes import estimates, scene
from tests.certification.worlds import World, drawn_world, exact_world, strangers_to
from workers.certification.attacks import replay


def test_each_replay_and_each_search_of_an_old_gallery_is_counted() -> None:
    """Two of the six held-out photos stay, so each old template has another to match.

    The third has turned into person 5. The last three are like nothing and tie with everybody,
    which counts as found first. 160 searches set no threshold at FPIR 1e-2.
    """
    found = replay.figures(*scene(exact_world()))
    assert set(found) == set(replay.TITLES)
    assert estimates(found) == {
        "replay_rank1": 1.0,
        "replay_rank1_before": 1.0,
        "replay_old_gallery_rank1": pytest.approx(5 / 6),
        "replay_old_gallery_rank1_before": 1.0,
    } | dict.fromkeys([name for name in replay.TITLES if "tpir" in name])
    assert found["replay_rank1"].sample == {"photos": 10, "searches": 10, "people": 40}
    assert found["replay_old_gallery_rank1"].sample["searches"] == 6
    assert found["replay_tpir"].reason.startswith("no threshold: 160 non-mated trials")


def test_half_of_the_photos_forgotten_is_half_of_the_searches_found() -> None:
    """An old template still matches new ones of the photos that stay, whichever it is of."""
    world = drawn_world(photos=12)
    world.new["subject"][12:18] = world.old["subject"][12:18]  # of the held-out ones, 12 to 23
    found = estimates(replay.figures(*scene(world)))
    assert found["replay_tpir"] == 1
    assert found["replay_old_gallery_tpir"] == 0.5
    assert found["replay_old_gallery_tpir_before"] == 1


def test_no_photo_finds_itself_in_another_version() -> None:
    """Photos with nothing in common but themselves, the same by both versions."""
    world = drawn_world(photos=12)
    world.old["subject"] = world.new["subject"] = strangers_to(world, np.random.default_rng(5), 24)
    found = estimates(replay.figures(*scene(world)))
    assert max(value for name, value in found.items() if "tpir" in name) < 0.1


def test_an_unchanged_model_gives_old_templates_their_full_worth() -> None:
    world = drawn_world(photos=12)
    found = replay.figures(*scene(World(world.old, forget=world.forget)))
    for name in ("replay_rank1", "replay_tpir", "replay_old_gallery_tpir"):
        assert found[name] == found[f"{name}_before"]
        assert found[name].estimate == 1


def test_a_scattered_subject_makes_old_templates_worthless() -> None:
    found = estimates(replay.figures(*scene(drawn_world(photos=12))))
    assert found["replay_tpir"] < 0.1
    assert found["replay_old_gallery_tpir"] < 0.1
    assert found["replay_tpir_before"] == 1


def test_a_lone_held_out_photo_is_not_searched_for_by_its_own_old_template() -> None:
    world = drawn_world()
    world.forget = 23
    found = replay.figures(*scene(world))
    assert found["replay_rank1"].sample["searches"] == 23
    assert found["replay_old_gallery_rank1"].sample["searches"] == 1
