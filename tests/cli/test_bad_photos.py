"""A photo that cannot be used stops `lethe erase`; one that adds nothing is left out."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from storage.faces.sets import read_photos
from storage.settings import MIB
from storage.tickets.photos import Photo
from storage.uploads.images import BadPhoto, Reason, decode
from tests.cli.command import OWN_MODEL, Ended, lethe_process
from tests.cli.conftest import Folders
from tests.storage.pictures import animated, encoded, jpeg_bomb, picture, png_bomb, webp_bomb
from workers.faces import Faces, decode_crop, read_faces
from workers.gauge import Gauge
from workers.photos import sort_photos
from workers.recognizer import Recognizer

Erase = Callable[..., Ended]
MEGAPIXELS_100 = 10_000  # pixels a side
NOISE = Photo("noise.png", encoded(picture(1, 112, 112), "PNG"))
REAL_PEOPLE, REAL_PHOTOS = 20, 5  # 3,000 non-mated comparisons and more


def truncated() -> bytes:
    whole = encoded(picture(0, 112, 112), "JPEG")
    return whole[: len(whole) // 2]


PHOTOS: dict[str, tuple[str, Callable[[], bytes], str, str]] = {
    "text": ("notes.jpg", lambda: b"not a picture", "not a picture", "give JPEG, PNG or WebP"),
    "nothing": ("empty.png", lambda: b"", "not a picture", "give JPEG, PNG or WebP"),
    "truncated": ("half.jpg", truncated, "breaks off", "copy the file again"),
    "bomb": ("bomb.png", png_bomb, "pixels, not decoded", "resize it"),
    "100 megapixels": (
        "wide.jpg", lambda: jpeg_bomb(MEGAPIXELS_100), "10000×10000 pixels, not decoded", "resize"),
    "wrong size": (
        "holiday.png", lambda: encoded(picture(0, 200, 150), "PNG"),
        "200×150 pixels, not an aligned 112×112 crop", "set LETHE_DETECTOR"),
    "animated": ("wave.webp", lambda: animated("WEBP"), "an animated picture", "give one still"),
}  # fmt: skip


@pytest.mark.parametrize("kind", PHOTOS)
def test_a_photo_that_cannot_be_used_stops_the_erasure(
    kind: str, erase: Erase, subject: Path, tmp_path: Path
) -> None:
    name, build, reason, remedy = PHOTOS[kind]
    (subject / name).write_bytes(build())
    line = erase(subject=subject).refusal()
    assert line.startswith(f"{subject / name}: ")
    assert reason in line
    assert remedy in line
    assert not (tmp_path / "new.onnx").exists()


@pytest.mark.parametrize("build", [png_bomb, jpeg_bomb, webp_bomb])
def test_a_bomb_is_refused_from_its_header(build: Callable[[], bytes]) -> None:
    bomb = build()
    began = time.process_time()
    with pytest.raises(BadPhoto) as caught:
        decode(bomb, "bomb", max_bytes=20 * MIB, max_pixels=50_000_000)
    assert caught.value.reason is Reason.TOO_MANY_PIXELS
    assert time.process_time() - began < 0.2  # decoding 400 megapixels takes seconds


def test_several_broken_photos_are_all_named_in_the_one_line(erase: Erase, subject: Path) -> None:
    for name in ("one.jpg", "two.jpg"):
        (subject / name).write_bytes(b"not a picture")
    line = erase(subject=subject).refusal()
    assert str(subject / "one.jpg") in line
    assert str(subject / "two.jpg") in line


def test_two_people_in_one_subject_folder_are_refused_by_their_photos_names(
    erase: Erase, subject: Path, folders: Folders
) -> None:
    somebody = sorted((folders.reference / "s100001").iterdir())
    for photo in somebody[:3]:
        shutil.copy(photo, subject / f"b-{photo.name}")
    line = erase(subject=subject).refusal()
    assert "two people" in line
    assert [f"b-{photo.name}" in line for photo in somebody[:3]] == [True] * 3
    assert "make one ticket for each person" in line


def test_a_folder_without_photos_is_refused(erase: Erase, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "readme.txt").write_text("photos to follow")
    line = erase(subject=empty).refusal()
    assert line.startswith(f"{empty}: holds no JPEG, PNG or WebP photos; give")


def test_a_folder_that_is_not_there_is_refused(erase: Erase, tmp_path: Path) -> None:
    line = erase(subject=tmp_path / "absent").refusal()
    assert line.startswith(f"{tmp_path / 'absent'}: not a folder; give")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file, whatever its mode")
def test_a_photo_that_may_not_be_read_is_named(erase: Erase, subject: Path) -> None:
    (subject / "000.jpg").chmod(0)
    ended = erase(subject=subject)
    assert ended.status != 0
    assert str(subject / "000.jpg") in ended.err
    assert ended.err.count("\n") == 1


def test_noise_and_a_picture_saved_twice_are_left_out_with_their_reasons(folders: Folders) -> None:
    recognizer = Recognizer.load(OWN_MODEL)
    others = read_faces(folders.reference, recognizer.input_size)
    sound = [Photo(photo.name, photo.read_bytes()) for photo in sorted(folders.subject.iterdir())]
    again = Photo("again.jpg", sound[0].data)
    found = sort_photos([*sound, NOISE, again], recognizer, Gauge.from_faces(recognizer, others))
    reasons = {bad.name: bad.reason for bad in found.refused}
    assert reasons.pop("again.jpg") is Reason.DUPLICATE
    assert reasons.pop("noise.png") in {Reason.NO_FACE, Reason.SOMEBODY_ELSE}
    assert not reasons
    assert [crop.name for crop in found.crops] == [photo.name for photo in sound]


def test_a_real_recogniser_sees_no_face_in_noise(shared_faces: Path) -> None:
    recognizer = Recognizer.load(shared_faces / "models" / "mobilefacenet.onnx")
    people = [
        (path.name, [decode_crop(photo.read_bytes(), photo.name, 112) for photo in photos])
        for path in sorted((shared_faces / "people").iterdir())[:REAL_PEOPLE]
        if (photos := read_photos(path)[:REAL_PHOTOS])
    ]
    others = Faces("real", "", {name: np.stack(crops) for name, crops in people})
    found = sort_photos([NOISE], recognizer, Gauge.from_faces(recognizer, others))
    assert [bad.reason for bad in found.refused] == [Reason.NO_FACE]
    assert "no face" in str(found.refused[0])
    assert not found.crops


def test_the_installed_command_refuses_in_one_line_with_status_2(
    subject: Path, folders: Folders, tmp_path: Path
) -> None:
    (subject / "bomb.png").write_bytes(png_bomb())
    ended = lethe_process(
        "erase", OWN_MODEL, "--subject", subject, "--reference", folders.reference,
        "--out", tmp_path / "new.onnx",
    )  # fmt: skip
    assert ended.refusal().startswith(f"{subject / 'bomb.png'}: ")
