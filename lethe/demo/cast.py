"""Who plays in the demo: the subject, the reference people and the benchmark people."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.errors import BadInput
from storage.faces.sets import read_folder

PHOTOS = 45  # the subject's; a third of them only judges
REFERENCE, BENCHMARK = 100, 60  # synthetic people, of
PHOTOS_EACH = 10
LEAST = 5  # people, of a folder of one's own


@dataclass(frozen=True)
class Cast:
    name: str
    subject_reference: str
    subject: Sequence[Path]
    reference: Path  # folder with one folder a person
    benchmark: Path


def cast_from_folder(folder: Path, scene: Path) -> Cast:
    """The person with most photos is the subject; every other one is reference or benchmark.

    ``scene`` gets links to the photos, one folder a part.

    Raises:
        BadInput: too few people.
    """
    people = read_folder(folder)
    if len(people) < LEAST:
        raise BadInput(
            f"{folder}: {len(people)} people; the demo needs {LEAST} or more, one folder each: "
            "a subject, two reference people and two benchmark people"
        )
    subject, *others = sorted(people, key=lambda person: (-len(people[person]), person))
    shutil.rmtree(scene, ignore_errors=True)
    for index, person in enumerate(sorted(others)):
        part = "reference" if index % 2 == 0 else "benchmark"
        for photo in people[person]:
            target = scene / part / person / photo.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(photo.resolve())
    return Cast("demo-faces", "subject-1", people[subject][:PHOTOS], *_parts(scene))


def synthetic_cast(folder: Path) -> Cast:
    """Synthetic people, drawn into ``folder`` the first time."""
    from lethe.demo.people import UNSEEN, write_people

    if not folder.exists():
        scratch = folder.with_suffix(".part")
        shutil.rmtree(scratch, ignore_errors=True)
        first = UNSEEN.start + 1
        reference = range(first, first + REFERENCE)
        benchmark = range(reference.stop, reference.stop + BENCHMARK)
        write_people(scratch / "reference", reference, PHOTOS_EACH)
        write_people(scratch / "benchmark", benchmark, PHOTOS_EACH)
        write_people(scratch / "subject", [UNSEEN.start], PHOTOS)
        scratch.rename(folder)
    subject = next(iter(read_folder(folder / "subject").values()))
    return Cast("demo", "subject-1", subject, *_parts(folder))


def _parts(folder: Path) -> tuple[Path, Path]:
    return folder / "reference", folder / "benchmark"
