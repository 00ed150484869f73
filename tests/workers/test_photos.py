"""Which photos can be used, and what is said of each that cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.tickets.photos import Photo
from storage.uploads.images import Pixels, Reason
from tests.storage.pictures import animated, encoded, jpeg_bomb, picture, png_bomb
from tests.workers.cast import PHOTOS, Cast, crops, pixels, real_photos, saved
from workers.faces import Faces
from workers.gauge import Gauge
from workers.photos import Limits, Sorted, TwoPeople, sort_photos
from workers.recognizer import Recognizer

Sort = Callable[[list[Photo]], Sorted]
CROP = (112, 112, 3)
REAL = ("p02", "p03", "p04", "p05", "p06", "p07")
ORIENTATION = 0x0112  # EXIF's tag


@pytest.fixture(scope="session")
def sort(cast: Cast, recognizer: Recognizer) -> Sort:
    people = {who: crops(photos) for who, photos in cast.reference.items()}
    gauge = Gauge.from_faces(recognizer, Faces("reference", "0" * 64, people))
    return lambda photos: sort_photos(photos, recognizer, gauge)


def only_refusal(found: Sorted, name: str) -> tuple[Reason, str]:
    """Reason and line of the one photo refused; all of the subject's own were kept."""
    (bad,) = found.refused
    assert bad.name == name
    assert str(bad).startswith(f"{name}: ")
    assert "\n" not in str(bad)
    assert len(found.crops) == PHOTOS
    return bad.reason, str(bad)


@pytest.mark.parametrize(
    ("name", "data", "reason", "said"),
    [
        ("letter.jpg", b"Dear Sir or Madam", Reason.NOT_AN_IMAGE, "give JPEG, PNG or WebP"),
        ("empty.jpg", b"", Reason.NOT_AN_IMAGE, "give JPEG, PNG or WebP"),
        ("half.jpg", encoded(picture(1, 112, 112), "JPEG")[:900], Reason.TRUNCATED, "copy the"),
        ("half.png", encoded(picture(1, 112, 112), "PNG")[:900], Reason.TRUNCATED, "copy the"),
        ("bomb.jpg", jpeg_bomb(10_000), Reason.TOO_MANY_PIXELS, "10000×10000 pixels, not decoded"),
        ("bomb.png", png_bomb(), Reason.TOO_MANY_PIXELS, "not decoded"),
        ("film.webp", animated("WEBP"), Reason.ANIMATED, "one still photo"),
        ("whole.jpg", encoded(picture(1, 640, 480), "JPEG"), Reason.NOT_CROPPED, "LETHE_DETECTOR"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_reason_and_remedy(
    sort: Sort, cast: Cast, name: str, data: bytes, reason: Reason, said: str
) -> None:
    found, line = only_refusal(sort([*cast.subject, Photo(name, data)]), name)
    assert found is reason
    assert said in line


def test_a_file_of_too_many_bytes_is_refused_before_it_is_opened(recognizer: Recognizer) -> None:
    photo = Photo("scan.png", encoded(picture(1, 112, 112), "PNG"))
    limits = Limits(photo_bytes=10_000)
    (bad,) = sort_photos([photo], recognizer, Gauge(0.0, 0.0), limits=limits).refused
    assert bad.reason is Reason.TOO_LARGE


def noise(seed: int) -> Photo:
    return Photo("wall.png", saved(np.random.default_rng(seed).integers(0, 256, CROP, np.uint8)))


@pytest.mark.parametrize("seed", range(1000, 1005))
def test_a_picture_of_noise_is_never_used(sort: Sort, cast: Cast, seed: int) -> None:
    # This small recogniser gives noise embeddings as long as those of faces; the next test's
    # recogniser tells the two apart.
    reason, _ = only_refusal(sort([*cast.subject, noise(seed)]), "wall.png")
    assert reason in {Reason.NO_FACE, Reason.SOMEBODY_ELSE}


def test_a_real_recogniser_sees_no_face_in_noise_and_one_in_every_real_photo(
    shared_faces: Path,
) -> None:
    recognizer = Recognizer.load(shared_faces / "models" / "mobilefacenet.onnx")
    people = {who: real_photos(shared_faces, who, 15) for who in REAL}
    faces = {who: crops([photo.data for photo in photos]) for who, photos in people.items()}
    gauge = Gauge.from_faces(recognizer, Faces("real", "0" * 64, faces))
    found = sort_photos([*people[REAL[0]], noise(1000), noise(1001)], recognizer, gauge)
    assert [(bad.name, bad.reason) for bad in found.refused] == [("wall.png", Reason.NO_FACE)] * 2
    assert len(found.crops) == 15


@pytest.mark.parametrize("quality", [40, 75])
def test_a_picture_saved_again_counts_once_and_its_twin_is_named(
    sort: Sort, cast: Cast, quality: int
) -> None:
    first = cast.subject[4]
    again = Photo("again.jpg", saved(pixels(first.data), "JPEG", quality=quality))
    reason, line = only_refusal(sort([*cast.subject, again]), "again.jpg")
    assert reason is Reason.DUPLICATE
    assert first.name in line


def test_two_photos_of_one_person_are_no_duplicates(sort: Sort, cast: Cast) -> None:
    assert not sort(cast.subject).refused


def test_one_photo_of_somebody_else_is_left_out_and_the_others_are_used(
    sort: Sort, cast: Cast
) -> None:
    odd = cast.other_subject[0]
    reason, line = only_refusal(sort([*cast.subject, odd]), odd.name)
    assert reason is Reason.SOMEBODY_ELSE
    assert "somebody else" in line


@pytest.mark.parametrize(("own", "others"), [(10, 10), (14, 7)])
def test_photos_of_two_people_are_refused_as_a_whole(
    sort: Sort, cast: Cast, own: int, others: int
) -> None:
    with pytest.raises(TwoPeople) as caught:
        sort([*cast.subject[:own], *cast.other_subject[:others]])
    assert "one ticket for each person" in str(caught.value)
    assert cast.other_subject[0].name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "JPEG"])
def test_a_photo_that_its_camera_turned_is_turned_back(
    sort: Sort, cast: Cast, file_format: str
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be shown turned clockwise, so stored turned the other way
    upright = pixels(cast.subject[3].data)
    options = {"quality": 95} if file_format == "JPEG" else {"lossless": True}
    data = saved(np.rot90(upright).copy(), file_format, exif=exif, **options)
    found = sort([*cast.subject[:3], Photo("turned", data), *cast.subject[4:]])
    assert not found.refused
    (crop,) = [crop for crop in found.crops if crop.name == "turned"]
    assert _difference(crop.pixels, upright) < (4 if file_format == "JPEG" else 1e-9)


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_png_and_webp_are_as_good_as_jpeg(sort: Sort, cast: Cast, file_format: str) -> None:
    photos = [Photo(p.name, saved(pixels(p.data), file_format)) for p in cast.subject]
    assert len(sort(photos).crops) == PHOTOS


def test_where_nothing_can_be_used_every_file_is_named(sort: Sort) -> None:
    found = sort([Photo("a.jpg", b"a"), Photo("b.jpg", b"b")])
    assert not found.crops
    assert [bad.name for bad in found.refused] == ["a.jpg", "b.jpg"]


def _difference(one: Pixels, other: Pixels) -> float:
    """Mean over all pixels."""
    return float(np.abs(one.astype(int) - other.astype(int)).mean())
