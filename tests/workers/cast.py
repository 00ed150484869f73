"""Synthetic people as the tests of the workers see them: files of photos, and crops."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lethe.demo.people import UNSEEN, write_people
from storage.faces.sets import read_folder
from storage.tickets.photos import Photo
from storage.uploads.images import Pixels

RECOGNISER = Path(__file__).parents[2] / "lethe" / "demo" / "recogniser.onnx"
PHOTOS = 30  # of each subject: 20 forget, 10 judge
SUBJECTS = range(UNSEEN.start, UNSEEN.start + 2)
REFERENCE = range(UNSEEN.start + 10, UNSEEN.start + 34)
BENCHMARK = range(UNSEEN.start + 40, UNSEEN.start + 56)  # 12,000 non-mated comparisons

People = dict[str, list[bytes]]  # person → JPEG files


@dataclass(frozen=True)
class Cast:
    subject: list[Photo]
    other_subject: list[Photo]
    same_person: list[bytes]  # the first subject as somebody in a face set
    reference: People
    benchmark: People


def draw(folder: Path) -> Cast:
    for name, seeds, photos in (
        ("subjects", SUBJECTS, PHOTOS),
        ("reference", REFERENCE, 8),
        ("benchmark", BENCHMARK, 10),
    ):
        write_people(folder / name, seeds, photos)
    write_people(folder / "elsewhere", SUBJECTS[:1], 8, start=PHOTOS)
    (again,) = _people(folder / "elsewhere").values()
    subject, other = (
        [Photo(f"{who}-holiday-{path.name}", path.read_bytes()) for path in paths]
        for who, paths in zip(
            ("ada", "bob"), read_folder(folder / "subjects").values(), strict=True
        )
    )
    reference, benchmark = (_people(folder / name) for name in ("reference", "benchmark"))
    return Cast(subject, other, again, reference, benchmark)


def _people(folder: Path) -> People:
    return {
        who: [path.read_bytes() for path in paths] for who, paths in read_folder(folder).items()
    }


def real_photos(faces: Path, person: str, count: int, first: int = 0) -> list[Photo]:
    """Photos ``first`` … of a person of the shared faces."""
    paths = sorted((faces / "people" / person).iterdir())[first : first + count]
    return [Photo(path.name, path.read_bytes()) for path in paths]


def pixels(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def crops(photos: Sequence[bytes]) -> Pixels:
    """JPEG files → (N, 112, 112, 3) RGB."""
    return np.stack([pixels(data) for data in photos])


def saved(image: Pixels, file_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, file_format, **options)
    return buffer.getvalue()
