"""`lethe tickets submit --photos` takes an archive for a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from storage.models.registry import MODEL_FILE, Model
from storage.record import Record
from tests.cli.command import Ended, lethe
from tests.storage.packing import PACKED
from tests.storage.pictures import photos
from tests.storage.test_hostile_archives import fifield

FILES = {f"holiday/{photo.name}": photo.data for photo in photos(4)}


@pytest.fixture
def submit(
    record: Record, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[Path], Ended]:
    """`lethe tickets submit` for a model that is there."""
    record.models.create(Model("door-cameras", "reference", "benchmark"))
    (tmp_path / MODEL_FILE).write_bytes(b"weights")
    with record.leases.hold("model", "door-cameras") as lease:
        assert lease is not None
        files = {MODEL_FILE: tmp_path / MODEL_FILE}
        made = record.models.publish("door-cameras", files, {}, parent=None, lease=lease)
        record.models.point("door-cameras", "current", made, "ada", lease)
    # Which stack it talks to is another test's matter.
    monkeypatch.setattr("lethe.commands.tickets.connect", lambda: record)

    def run(source: Path) -> Ended:
        given = ("--model", "door-cameras", "--photos", source, "--subject", "DSR-1")
        return lethe("tickets", "submit", *given)

    return run


@pytest.mark.parametrize("kind", ["zip", "tar.xz"])
def test_the_photos_of_an_archive_are_the_ticket_s(
    submit: Callable[[Path], Ended], record: Record, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"photos.{kind}"
    path.write_bytes(PACKED[kind](FILES))
    ended = submit(path)
    assert ended.status == 0, ended
    assert record.photos.all(ended.out.split()[0]) == photos(4)


def test_an_archive_that_cannot_be_used_is_refused_by_its_path(
    submit: Callable[[Path], Ended], record: Record, tmp_path: Path
) -> None:
    bomb, text, absent = (tmp_path / name for name in ("bomb.zip", "text.txt", "absent.zip"))
    bomb.write_bytes(fifield(500))
    text.write_text("no photos")
    assert submit(bomb).refusal().startswith(f"{bomb}: member '0.jpg': shares its bytes")
    for path in (text, absent):
        assert submit(path).refusal().startswith(f"{path}: not a folder, and no archive")
    assert record.tickets.recorded() == []
