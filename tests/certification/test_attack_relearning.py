"""Versions of the demo's recogniser, trained again until they know a synthetic person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lethe.demo.people import write_people
from storage.faces.sets import read_folder
from tests.certification.worlds import drawn_world
from tests.workers.cast import BENCHMARK, RECOGNISER, SUBJECTS, crops
from workers.certification.attacks import relearning
from workers.certification.attacks.identities import Identity, Others, stranger
from workers.certification.attacks.relearning import CAP, LOOKS, TITLES, steps_until
from workers.certification.figures import SAMPLES, Figure
from workers.certification.templates import Crops, Embedder
from workers.recognizer import Recognizer

FORGET, HELD_OUT = 20, 16
DIRECTIONS = 3  # of the subject, taken out of the last layer


@dataclass(frozen=True)
class Studio:
    old: Recognizer
    head_only: Recognizer  # the subject is taken out of its last layer, and of nothing else
    held_out: Crops
    benchmark: Mapping[str, Crops]

    def relearn(self, new: Embedder, held_out: Crops | None = None) -> dict[str, Figure]:
        photos = self.held_out if held_out is None else held_out
        return relearning.figures(self.old, new, photos, self.benchmark, 0, self.watch)

    @staticmethod
    def watch(doing: str, share: float) -> None:
        assert doing == "relearning"
        assert 0 <= share <= 1 + 1e-9


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("relearning")
    write_people(folder / "subject", SUBJECTS[:1], FORGET + HELD_OUT)
    write_people(folder / "benchmark", BENCHMARK, 10)
    (subject,) = photos(folder / "subject").values()
    old = Recognizer.load(RECOGNISER)
    old.write(folder / "new.onnx", without(old, subject[:FORGET]))
    head_only = Recognizer.load(folder / "new.onnx")
    return Studio(old, head_only, subject[FORGET:], photos(folder / "benchmark"))


def photos(folder: Path) -> dict[str, Crops]:
    return {
        who: crops([path.read_bytes() for path in paths])
        for who, paths in read_folder(folder).items()
    }


def without(recognizer: Recognizer, own: Crops) -> dict[str, np.ndarray]:
    """The last layer's weights after the subject's main directions have left them."""
    layer = recognizer.last_linear
    mains = np.linalg.svd(recognizer.embed(own), full_matrices=False)[2][:DIRECTIONS]
    changed = {}
    for name, axis in ((layer.weight, layer.output_axis), (str(layer.bias), 0)):
        values = recognizer.file.array(name)
        taken = np.tensordot(mains.T @ mains, values, axes=(1, axis))
        changed[name] = values - np.moveaxis(taken, 0, axis)
    return changed


@pytest.fixture(scope="module")
def after_head_only(studio: Studio) -> dict[str, Figure]:
    return studio.relearn(studio.head_only)


def test_by_the_untouched_version_the_subject_is_back_before_any_step(studio: Studio) -> None:
    found = studio.relearn(studio.old)
    assert list(found) == list(TITLES)
    assert found["relearning_steps"].estimate == 0
    assert found["relearning_ratio"].estimate == 0
    assert found["relearning_tmr"].estimate > 0.9
    assert found["relearning_tmr_real_stranger"].estimate > 0.9


def test_after_a_change_of_the_last_layer_the_subject_is_back_long_before_a_mix_of_people(
    after_head_only: Mapping[str, Figure],
) -> None:
    steps, mix = (after_head_only[f"relearning_steps{of}"] for of in ("", "_stranger"))
    assert 0 < steps.estimate < 10
    assert mix.estimate > 2 * steps.estimate
    assert after_head_only["relearning_ratio"].estimate == steps.estimate / mix.estimate
    known, unknown = (after_head_only[f"relearning_tmr{of}"] for of in ("", "_stranger"))
    assert known.interval[0] > unknown.interval[1]
    judges = 13 * 7  # three people are in the mix; three photos each are held in place
    non_mated = judges * (judges - 7) // 2 + judges * HELD_OUT // 2
    assert steps.sample == {"photos": 16, "comparisons": 56, "non_mated": non_mated, "runs": 2}
    assert all(figure.sample.keys() <= SAMPLES for figure in after_head_only.values())


def test_the_same_seed_gives_the_same_figures_to_the_bit(
    studio: Studio, after_head_only: Mapping[str, Figure]
) -> None:
    assert studio.relearn(studio.head_only) == after_head_only


def test_a_model_that_is_a_table_has_no_weights_to_train(studio: Studio) -> None:
    table, _ = drawn_world().models()
    found = relearning.figures(table, table, studio.held_out, {}, 0, studio.watch)
    assert list(found) == list(TITLES)
    assert {figure.reason for figure in found.values()} == {
        "relearning needs the network's weights"
    }


def test_fewer_than_eight_photos_are_too_few(studio: Studio) -> None:
    found = studio.relearn(studio.head_only, studio.held_out[:7])
    assert {figure.estimate for figure in found.values()} == {None}
    assert "7 held-out photos" in str(found["relearning_steps"].reason)


def test_nobody_comes_back_whom_the_old_version_did_not_know(studio: Studio) -> None:
    """Each photo is another person's."""
    everybody = np.stack([own[0] for own in studio.benchmark.values()])
    found = studio.relearn(studio.head_only, everybody)
    assert {figure.estimate for figure in found.values()} == {None}
    assert "too few to lose" in str(found["relearning_steps"].reason)


def test_steps_between_two_looks_are_linear() -> None:
    assert steps_until(0.5, [0.5]) == 0
    assert steps_until(0.5, [0.1, 0.3, 0.7, 0.2]) == pytest.approx(1.5)
    assert steps_until(0.5, [0.0] * 9 + [1.0]) == (LOOKS[8] + LOOKS[9]) / 2
    assert steps_until(0.5, [0.4] * len(LOOKS)) == CAP


def test_a_mix_has_the_same_people_in_both_halves_but_never_a_photo_twice() -> None:
    people = {f"p{number}": numbered(number, 8) for number in range(15)}
    mix, others = stranger(people, 10, np.random.default_rng(0))
    assert mix is not None
    assert len(others) == 12
    shown = mix.photos[:, 0, 0, :2]
    assert len(np.unique(shown, axis=0)) == len(shown) == 20
    first, second = mix.halves()
    assert (shown[first, 0] == shown[second, 0]).all()
    assert not set(shown[:, 0]) & {int(name[1:]) for name in others}
    rows, columns = np.nonzero(mix.compared(first))
    assert (shown[rows, 0] != shown[columns, 0]).all()
    assert len(rows) == 45 - 6 - 3 - 3  # of three people four, three and three photos


def test_too_few_people_or_photos_make_no_mix() -> None:
    rng = np.random.default_rng(0)
    few = {f"p{number}": numbered(number, 2) for number in range(30)}
    mix, others = stranger(few, 10, rng)
    assert mix is not None
    assert len(others) == 20  # two photos each: ten people are mixed, not three
    two = {"a": numbered(0, 9), "b": numbered(1, 9)}
    single = {f"p{number}": numbered(number, 1) for number in range(30)}
    assert stranger(two, 4, rng) == (None, ["a", "b"])
    assert stranger(single, 4, rng)[0] is None


def test_what_holds_others_in_place_never_judges() -> None:
    others = Others.of([numbered(person, 60) for person in range(8)], np.random.default_rng(0))
    kept, judged = (
        {tuple(crop) for crop in crops[:, 0, 0, :2]} for crops in (others.kept, others.judged)
    )
    assert not kept & judged
    assert (len(kept), len(judged)) == (80, 200)


def test_a_person_is_split_into_halves_without_a_photo_in_common() -> None:
    identity = Identity.of(numbered(0, 25), 10, np.random.default_rng(0))
    first, second = identity.halves()
    assert (len(first), len(second)) == (10, 10)
    assert len({int(crop[0, 0, 1]) for crop in identity.photos}) == 20
    assert identity.compared(first).sum() == 45


def numbered(person: int, count: int) -> Crops:
    """Crops whose first pixel says whose they are, and which."""
    made = np.zeros((count, 2, 2, 3), dtype=np.uint8)
    made[:, 0, 0, 0], made[:, 0, 0, 1] = person, np.arange(count)
    return made
