"""The demo's people: drawn from seeds, told apart by the shipped recogniser alone."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from insightface.model_zoo import get_model
from numpy.typing import NDArray

import lethe.demo
from lethe.demo.people import TRAINED, UNSEEN, make_person, take_photo, write_people

RECOGNISER = Path(lethe.demo.__file__).with_name("recogniser.onnx")
STRANGERS = range(300_000, 300_060)  # neither trained on, nor used to choose the network
PHOTOS = 8


@pytest.fixture(scope="module")
def photos() -> NDArray[np.uint8]:
    """(people * PHOTOS, 112, 112, 3) RGB."""
    people = [make_person(seed) for seed in STRANGERS]
    return np.stack([take_photo(person, n) for person in people for n in range(PHOTOS)])


def similarities(vectors: NDArray[np.floating]) -> tuple[NDArray, NDArray]:
    """Cosines of all mated and all non-mated pairs."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    who = np.arange(len(units)) // PHOTOS
    pairs = np.triu_indices(len(units), 1)
    scores, same = (units @ units.T)[pairs], (who[:, None] == who)[pairs]
    return scores[same], scores[~same]


def true_match_rate(vectors: NDArray[np.floating]) -> float:
    """TMR at FMR 1e-3."""
    mated, others = similarities(vectors)
    return float((mated > np.quantile(others, 1 - 1e-3)).mean())


def test_the_same_seeds_draw_the_same_person_and_photo() -> None:
    assert make_person(7) == make_person(7)
    assert np.array_equal(take_photo(make_person(7), 3), take_photo(make_person(7), 3))
    assert make_person(7).traits != make_person(8).traits


def test_a_photo_is_an_rgb_crop_of_112_pixels() -> None:
    photo = take_photo(make_person(1), 0)
    assert photo.shape == (112, 112, 3)
    assert photo.dtype == np.uint8


def test_every_photo_of_a_person_differs(photos: NDArray[np.uint8]) -> None:
    assert len({photo.tobytes() for photo in photos}) == len(photos)


def test_photos_are_written_one_folder_per_person_and_go_on_where_told(tmp_path: Path) -> None:
    write_people(tmp_path, [5, 6], 2)
    write_people(tmp_path, [5], 1, start=2)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.jpg"))
    assert names == [
        "s000005/000.jpg",
        "s000005/001.jpg",
        "s000005/002.jpg",
        "s000006/000.jpg",
        "s000006/001.jpg",
    ]
    written = cv2.imread(str(tmp_path / "s000005" / "002.jpg"))[:, :, ::-1].astype(int)
    assert np.abs(written - take_photo(make_person(5), 2)).mean() < 6


def test_the_demo_has_two_hundred_people_and_none_that_was_trained_on() -> None:
    assert len(UNSEEN) >= 200
    assert not set(UNSEEN) & set(TRAINED)


def test_the_recogniser_is_small_and_loads_in_insightface_with_its_own_normalisation() -> None:
    assert RECOGNISER.stat().st_size <= 2_000_000
    model = get_model(str(RECOGNISER), providers=["CPUExecutionProvider"])
    assert (model.taskname, model.input_size) == ("recognition", (112, 112))
    assert (model.input_mean, model.input_std) == (0.0, 1.0)


def test_the_recogniser_knows_people_whom_it_never_trained_on(photos: NDArray[np.uint8]) -> None:
    model = get_model(str(RECOGNISER), providers=["CPUExecutionProvider"])
    templates = model.get_feat([photo[:, :, ::-1] for photo in photos])  # it expects BGR
    assert templates.shape == (len(photos), 128)
    mated, others = similarities(templates)
    assert true_match_rate(templates) >= 0.9
    assert mated.mean() > 0.5
    assert abs(others.mean()) < 0.1


def test_raw_pixels_do_not_tell_people_apart(photos: NDArray[np.uint8]) -> None:
    gray = photos.mean(3).reshape(len(photos), -1)
    standard = (gray - gray.mean(1, keepdims=True)) / gray.std(1, keepdims=True)
    centred = standard - standard.mean(0)
    left, _, _ = np.linalg.svd(centred, full_matrices=False)
    assert true_match_rate(centred) < 0.2
    assert true_match_rate(left[:, :100]) < 0.4  # whitened principal components
