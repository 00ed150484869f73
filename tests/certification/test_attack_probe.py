"""Probes on frozen features in worlds where the answer is known. No fit may warn."""

from __future__ import annotations

import numpy as np
import pytest

from tests.certification.scenes import Scene, estimates, scene
from tests.certification.worlds import World, drawn_world, strangers, unit
from workers.certification.attacks import probe
from workers.certification.attacks.pooled import NO_LAYER
from workers.certification.figures import Figure
from workers.certification.templates import People

pytestmark = pytest.mark.filterwarnings("error")

PEOPLE, PHOTOS = 24, 14  # 336 photos of other people


@pytest.fixture(scope="module")
def head_only() -> Scene:
    """Templates forget the subject, the features before them do not."""
    world = drawn_world(PEOPLE, PHOTOS)
    return scene(world, pooled=World(world.old, forget=world.forget))


@pytest.fixture(scope="module")
def found(head_only: Scene) -> dict[str, Figure]:
    return probe.figures(*head_only)


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_a_probe_tells_the_old_subject_and_strangers_but_not_the_scattered_subject(
    found: dict[str, Figure], kind: str
) -> None:
    name = f"probe_{kind}_templates_tpr"
    assert found[f"{name}_before"].estimate == 1
    assert found[f"{name}_stranger"].estimate > 0.95
    assert found[name].estimate < 0.2
    assert found[name].sample == {"photos": 12, "people": PEOPLE, "non_mated": 336}
    assert found[f"{name}_stranger"].sample["people"] == probe.STRANGERS


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_a_probe_on_pooled_features_shows_a_change_of_the_last_layer_alone(
    found: dict[str, Figure], kind: str
) -> None:
    name = f"probe_{kind}_pooled_tpr"
    assert found[name] == found[f"{name}_before"]
    assert found[name].estimate == 1


def test_the_same_seed_gives_the_same_figures_to_the_bit(
    head_only: Scene, found: dict[str, Figure]
) -> None:
    assert set(found) == set(probe.TITLES)
    assert probe.figures(*head_only) == found


def test_a_subject_in_two_opposite_clusters_is_known_to_the_non_linear_probe_alone() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(400, 16))
    drawn[:, 0] = rng.uniform(-0.2, 0.2, size=400)  # where the clusters are not
    people = People.of({f"person{n}": unit(drawn[20 * n : 20 * n + 20]) for n in range(20)})
    own = rng.normal(size=(40, 16)) / 4
    own[:, 0] = np.tile([4.0, -4.0], 20)
    rates = {kind: probe.hits(kind, unit(own), people, seed=0).mean() for kind in probe.PROBES}
    assert rates["linear"] < 0.7
    assert rates["mlp"] > 0.9


def test_what_a_probe_has_by_heart_does_not_count() -> None:
    """Photos that have nothing in common can be learned, not recognised."""
    rng = np.random.default_rng(1)
    people = People.of({f"person{number}": strangers(rng, 20) for number in range(20)})
    for kind in probe.PROBES:
        assert probe.hits(kind, strangers(rng, 20), people, seed=0).mean() < 0.2


def test_templates_that_are_all_the_same_tell_nobody_apart() -> None:
    same = np.tile(unit(np.ones((1, 8))), (400, 1))
    people = People.of({f"person{n}": same[20 * n : 20 * n + 20] for n in range(20)})
    for kind in probe.PROBES:
        assert not probe.hits(kind, same[:10], people, seed=0).any()


def test_one_person_with_very_many_photos_crowds_nobody_out() -> None:
    """Of 1,000 photos that are taken, the others are all there."""
    rng = np.random.default_rng(2)
    sizes = [5000, 1, 200, 200]
    people = People.of({f"person{n}": strangers(rng, size) for n, size in enumerate(sizes)})
    drawn = probe.drawn(people, rng)
    taken = np.bincount(people.owners[drawn], minlength=4)
    assert list(taken) == [599, 1, 200, 200]
    assert len(np.unique(drawn)) == probe.OTHERS


def test_what_cannot_be_measured_is_missing_with_its_reason() -> None:
    names = {"one photo": 23, "as many as nobody has": 4, "few strangers": 12}
    reasons = {}
    for case, forget in names.items():
        world = drawn_world(*((10, 12) if case == "few strangers" else (PEOPLE, PHOTOS)))
        world.forget = forget  # of 24
        reasons[case] = {n: f.reason for n, f in probe.figures(*scene(world)).items()}
    name = "probe_linear_templates_tpr"
    assert reasons["one photo"][name] == "1 held-out photo; to train and to test takes two"
    assert reasons["as many as nobody has"][name] is None
    reason = "nobody in the benchmark has 20 photos, as many as are held out"
    assert reasons["as many as nobody has"][f"{name}_stranger"] == reason
    assert reasons["few strangers"][name].startswith("120 non-mated trials; a rate of 1e-2 needs")
    assert reasons["few strangers"][f"{name}_stranger"].startswith("108 non-mated trials")
    assert reasons["few strangers"]["probe_mlp_pooled_tpr_before"] == NO_LAYER


def test_every_figure_has_an_estimate_between_0_and_1(found: dict[str, Figure]) -> None:
    assert all(0 <= estimate <= 1 for estimate in estimates(found).values())
    assert all(figure.interval is not None for figure in found.values())
