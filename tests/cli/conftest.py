"""Synthetic people on disk, as files that somebody hands to the command line."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lethe.demo.people import UNSEEN, write_people
from tests.cli.command import OWN_MODEL, Ended, lethe

SUBJECT, FIRST = UNSEEN.start, UNSEEN.start + 1
REFERENCE, BENCHMARK = 20, 28  # people: 3,000 and 10,000 non-mated comparisons need so many
PHOTOS_EACH = 6
FORGET, HELD_OUT = 12, 8


@dataclass(frozen=True)
class Folders:
    subject: Path  # forget photos
    held_out: Path
    reference: Path
    benchmark: Path


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the commands keep for the next call never lands in somebody's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LETHE_CACHE_DIR", str(folder := tmp_path_factory.mktemp("cache")))
        yield folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    root = tmp_path_factory.mktemp("people")
    benchmark = range(FIRST + REFERENCE, FIRST + REFERENCE + BENCHMARK)
    write_people(root / "reference", range(FIRST, FIRST + REFERENCE), PHOTOS_EACH)
    write_people(root / "benchmark", benchmark, PHOTOS_EACH)
    write_people(root / "subject", [SUBJECT], FORGET)
    write_people(root / "held-out", [SUBJECT], HELD_OUT, start=FORGET)
    person = f"s{SUBJECT:06d}"
    return Folders(
        root / "subject" / person,
        root / "held-out" / person,
        root / "reference",
        root / "benchmark",
    )


@pytest.fixture
def subject(folders: Folders, tmp_path: Path) -> Path:
    """A folder with four sound photos of the subject, to put a bad one into."""
    folder = tmp_path / "subject"
    folder.mkdir()
    for photo in sorted(folders.subject.iterdir())[:4]:
        shutil.copy(photo, folder)
    return folder


@pytest.fixture
def erase(folders: Folders, tmp_path: Path) -> Callable[..., Ended]:
    """`lethe erase` where everything is sound but what the test gives."""

    def run(
        *more: str | Path,
        subject: Path = folders.subject,
        model: Path = OWN_MODEL,
        reference: Path = folders.reference,
        out: Path = tmp_path / "new.onnx",
    ) -> Ended:
        given = ("--subject", subject, "--reference", reference, "--out", out)
        return lethe("erase", model, *given, *more)

    return run
