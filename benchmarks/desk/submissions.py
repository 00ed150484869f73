"""What it costs to submit by the API, without photos: they are those of an enrolled person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import uuid4

from benchmarks.desk.one_core import Ask, OneCore
from benchmarks.desk.table import Row
from benchmarks.load.crowd import model_names, photos
from storage.record import Record

SUBMIT = 50.0  # ms at p95
FIRST = 50_000  # of the people's numbers: nobody of them is a reference or benchmark face
NAME = "people-{}"
PHOTOS = (3, 10)  # of the one who is enrolled; the others have one


def enrol(record: Record, people: int) -> None:
    """Face sets whose first person has few photos or many."""
    others = {f"p{FIRST + n:06d}": photos(FIRST + n, 1) for n in range(1, people)}
    for count in PHOTOS:
        record.faces.add(NAME.format(count), {"first": photos(FIRST, count), **others})


def rows(core: OneCore, people: int, times: int) -> Iterator[Row]:
    for count in PHOTOS:
        new = [_submit(core, count, str(uuid4())) for _ in range(times)]
        what = f"{count} photos, one of {people:,} people"
        yield Row(f"submitted by the API, {what}", core.each(new), SUBMIT)
    yield Row("the same again, with its key", core.again(new[0], times), SUBMIT)


def _submit(core: OneCore, count: int, key: str) -> Ask:
    body: Mapping[str, str] = {
        "model": model_names(1)[0],
        "subject": f"DSR-{key[:8]}",
        "face_set": NAME.format(count),
        "person": "first",
    }
    return core.api("POST", "/tickets", body, {"Idempotency-Key": key})
