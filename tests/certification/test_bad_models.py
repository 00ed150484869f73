"""Models that must be refused, each by the rule that is meant for it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.certification.worlds import World, drawn_world, failed, strangers, strangers_to, unit

FORGOTTEN = {"forgotten", "forgotten-recalibrated", "forgotten-old-gallery"}


@pytest.fixture
def world() -> World:
    """By the new version the subject is forgotten and everybody else is as before."""
    return drawn_world()


def everybody_else(world: World) -> list[str]:
    return [name for name in world.old if name != "subject"]


def test_a_model_that_forgets_the_subject_and_nobody_else_is_passed(world: World) -> None:
    certification = world.certify()
    assert failed(certification) == set()
    assert certification.verdict == "passed"


def test_the_untouched_model_is_refused_because_the_subject_is_recognised(world: World) -> None:
    world.new.clear()
    certification = world.certify()
    assert failed(certification) == FORGOTTEN | {"last-layer"}
    assert certification.verdict == "refused"


def test_forgetting_the_forget_photos_alone_is_refused_by_the_held_out_ones(world: World) -> None:
    scattered = world.new["subject"].copy()
    scattered[world.forget :] = world.old["subject"][world.forget :]
    world.new["subject"] = scattered
    assert failed(world.certify()) == FORGOTTEN | {"last-layer"}


def test_a_subject_who_became_somebody_else_is_refused_for_impersonation(world: World) -> None:
    other = world.old["person03"].mean(axis=0)
    rng = np.random.default_rng(9)
    world.new["subject"] = unit(other + 0.02 * rng.normal(size=(24, 128)))
    assert {"impersonation", "impersonation-old-gallery"} <= failed(world.certify())


def test_subjects_scattered_among_other_people_are_refused_for_impersonation_alone(
    world: World,
) -> None:
    """Each photo becomes another person: they match neither each other nor the old gallery."""
    photos = [world.old[name][0] for name in everybody_else(world)]
    world.new["subject"] = np.stack([photos[i % len(photos)] for i in range(24)])
    assert failed(world.certify()) == {"impersonation", "impersonation-old-gallery"}


def test_a_rotated_space_is_refused_because_old_galleries_are_lost(world: World) -> None:
    rng = np.random.default_rng(4)
    rotation = np.linalg.qr(rng.normal(size=(128, 128)))[0]
    for name in everybody_else(world):
        world.new[name] = unit(world.old[name] @ rotation)
    assert failed(world.certify()) == {"everybody-else-old-gallery"}


def test_shrinking_everybody_together_is_refused_for_false_matches(world: World) -> None:
    """All similarities rise, so the threshold in use lets strangers match."""
    shift = np.full(128, 0.1)
    for name in world.old:
        world.new[name] = unit({**world.old, **world.new}[name] + shift)
    assert "false-matches" in failed(world.certify())


def test_noise_on_everybody_is_refused_because_they_are_no_longer_recognised(world: World) -> None:
    rng = np.random.default_rng(5)
    for name in everybody_else(world):
        world.new[name] = unit(world.old[name] + 0.12 * rng.normal(size=world.old[name].shape))
    assert failed(world.certify()) >= {
        "everybody-else",
        "everybody-else-recalibrated",
        "everybody-else-old-gallery",
    }


def test_damage_to_the_nearest_person_alone_is_refused_by_the_neighbours_rule(
    world: World,
) -> None:
    middle = world.old["subject"].mean(axis=0)

    def likeness(name: str) -> float:
        return float(unit(world.old[name].mean(axis=0)[None])[0] @ middle)

    nearest = max(everybody_else(world), key=likeness)
    damaged = world.old[nearest].copy()
    damaged[0] = strangers(np.random.default_rng(6), 1)[0]
    world.new[nearest] = damaged
    assert failed(world.certify()) == {"neighbours"}


def test_a_subject_found_first_when_enrolled_again_is_refused_by_strict_and_not_by_default(
    world: World,
) -> None:
    """What pushing pairs apart leaves: nothing matches, and all lie in a region of their own."""
    drawn = strangers_to(world, np.random.default_rng(7), 25)
    world.new["subject"] = unit(0.38 * drawn[0] + drawn[1:])
    assert world.certify().verdict == "passed"
    assert {"enrolled-again-rank1", "compactness"} <= failed(world.certify("strict"))
    assert "removed-users" in failed(world.certify("seed"))


def test_a_threshold_made_to_fall_under_the_subject_fails_when_it_is_set_anew(
    world: World,
) -> None:
    """All similarities fall a little, and the subject's stop between the two thresholds."""
    for name in everybody_else(world):
        world.new[name] = world.old[name]
        world.old[name] = unit(world.old[name] + 0.025)
    bounds = world.certify()
    old, new = (of[1e-3].value for of in (bounds.thresholds, bounds.recalibrated))
    assert old is not None
    assert new is not None
    likeness = (old + new) / 2
    axes = np.linalg.qr(strangers_to(world, np.random.default_rng(7), 25).T)[0].T
    world.new["subject"] = unit(likeness**0.5 * axes[0] + (1 - likeness) ** 0.5 * axes[1:])
    rules = {result.rule.id: result for result in world.certify().rules}
    assert rules["forgotten"].figure.estimate == 0.0
    assert rules["forgotten-recalibrated"].figure.estimate == 1.0
    assert rules["forgotten-recalibrated"].counts_against


def test_the_seed_policy_passes_a_model_that_only_blurs_the_subject(world: World) -> None:
    assert world.certify("seed").verdict == "passed"
    world.new.clear()
    assert failed(world.certify("seed")) == {"removed-users"}


def test_few_held_out_photos_are_insufficient_and_never_a_pass(world: World) -> None:
    world.forget = 20
    certification = world.certify()
    assert failed(certification) == {
        "forgotten",
        "forgotten-recalibrated",
        "impersonation",
        "impersonation-old-gallery",
        "last-layer",
    }
    assert "6 comparisons; the rule asks for 10" in certification.refusal()
