"""Changed pictures, and versions that know some pictures and not others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from tests.certification.scenes import estimates, scene
from tests.certification.worlds import drawn_world, strangers_to
from workers.certification.attacks import views
from workers.certification.attacks.views import VIEWS
from workers.certification.figures import Figure
from workers.certification.retained import Benchmark
from workers.certification.templates import Crops, Templates

PHOTOS = 12
WORLD = drawn_world()
OWN = WORLD.old["subject"][:PHOTOS]  # templates of one person: they match
NOBODY = strangers_to(WORLD, np.random.default_rng(1), PHOTOS)
CROPS = np.random.default_rng(2).integers(0, 256, (PHOTOS, 40, 40, 3), np.uint8)


@dataclass(frozen=True)
class Version:
    """Recognises the pictures that ``knows`` says yes to; any other is of nobody."""

    knows: Callable[[Crops], bool]
    sha256: str = "a" * 64
    embedding_size: int = 128

    def embed_pooled(self, crops: Crops) -> tuple[Templates, None]:
        known = np.array([self.knows(crop) for crop in crops])
        return np.where(known[:, None], OWN[: len(crops)], NOBODY[: len(crops)]), None


@pytest.fixture(scope="module")
def benchmark() -> Benchmark:
    return scene(WORLD)[1]


def everything(crop: Crops) -> bool:  # noqa: ARG001
    return True


def as_given(crop: Crops) -> bool:
    return any(np.array_equal(crop, known) for known in CROPS)


def under(view: str) -> Callable[[Crops], bool]:
    pictures = [VIEWS[view](crop).tobytes() for crop in CROPS]
    return lambda crop: crop.tobytes() in pictures


def attack(benchmark: Benchmark, knows: Callable[[Crops], bool]) -> dict[str, Figure]:
    return views.figures(Version(everything), Version(knows), CROPS, benchmark)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_another_picture_of_the_same_form(view: str) -> None:
    for crop in CROPS[:3]:
        changed = VIEWS[view](crop)
        assert changed.shape == crop.shape
        assert changed.dtype == np.uint8
        assert not np.array_equal(changed, crop)


def test_views_do_what_their_names_say() -> None:
    level = np.arange(40, dtype=np.uint8)
    crop = np.repeat(np.tile(level, (40, 1))[..., None], 3, axis=2)  # each column its number
    crop[..., 2] += 100
    columns = {name: view(crop)[0, :, 0].tolist() for name, view in VIEWS.items()}
    assert columns["mirrored"] == level[::-1].tolist()
    assert columns["shifted"] == [0, *range(39)]
    assert columns["darker"] == [int(0.6 * value) for value in level]
    assert (columns["zoomed"][0], columns["zoomed"][-1]) == (2, 37)
    grey = VIEWS["grey"](crop)
    assert (grey == grey[..., :1]).all()


def test_a_version_that_forgets_crops_as_given_alone_is_found_out(benchmark: Benchmark) -> None:
    found = attack(benchmark, lambda crop: not as_given(crop))
    assert set(found) == set(views.TITLES)
    assert set(estimates(found).values()) == {1.0}
    sample = {"photos": 12, "comparisons": 66, "non_mated": 15660}
    assert found["views_tmr"].sample == sample


def test_a_version_that_forgets_every_picture_is_not(benchmark: Benchmark) -> None:
    found = attack(benchmark, lambda crop: False)  # noqa: ARG005
    assert estimates(found) == {
        "views_tmr": 0.0,
        "views_tmr_before": 1.0,
        "views_tmr_mirrored": 0.0,
        "views_tmr_mirrored_before": 1.0,
    }
    assert found["views_tmr"].interval[1] > 0  # none of twelve photos is not certainty


@pytest.mark.parametrize("view", VIEWS)
def test_one_view_that_brings_the_subject_back_is_enough(benchmark: Benchmark, view: str) -> None:
    found = estimates(attack(benchmark, under(view)))
    assert found["views_tmr"] == 1.0
    assert found["views_tmr_mirrored"] == (1.0 if view == "mirrored" else 0.0)


def test_without_two_photos_pixels_or_a_threshold_the_figures_are_missing_and_say_so(
    benchmark: Benchmark,
) -> None:
    version = Version(everything)
    few = scene(drawn_world(people=3))[1]
    for crops, people, reason in (
        (CROPS[:1], benchmark, "1 held-out photo; a comparison needs two"),
        (CROPS[:, :1, :1], benchmark, "crops of 1 pixels a side; changing them takes 20"),
        (CROPS, few, "rule of 3"),
    ):
        found = views.figures(version, version, crops, people)
        assert set(found) == set(views.TITLES)
        assert all(reason in str(figure.reason) for figure in found.values())
