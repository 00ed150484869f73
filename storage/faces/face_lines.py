"""Lines: of each face set what a list shows, without the reading of its index.

Kept in Redis: an index names every photo of every person, and may be some megabytes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import structlog

from storage import keys, object_names
from storage.errors import LetheError
from storage.faces.sets import FaceSet
from storage.record import Record
from storage.store.objects import StoreRefused, StoreUnavailable

log = structlog.get_logger("storage.face_lines")

FRESH_SECONDS = 3600  # a set never changes, but one that was removed may come again as another


@dataclass(frozen=True)
class FaceLine:
    name: str
    digest: str  # SHA-256 of its index; "" where that cannot be read
    people: int | None  # None: it holds pairs, and not who is in them
    photos: int
    pairs: int | None  # None: no verification benchmark
    read: float  # when, seconds since the epoch


def all_names(record: Record) -> list[str]:
    return sorted(name for name in record.objects.folders(object_names.FACE_SETS) if name)


def of(record: Record, names: Sequence[str]) -> list[FaceLine]:
    """The line of each; what is not known, or was read long ago, is read from the record.

    Raises:
        StoreUnavailable, StoreRefused
    """
    kept = record.redis.hmget(keys.FACE_LINES, list(names)) if names else []
    return [_line(record, name, line) for name, line in zip(names, kept, strict=True)]


def remember(record: Record, face_set: FaceSet) -> FaceLine:
    known = face_set.people or face_set.pairs is None
    line = FaceLine(
        name=face_set.name,
        digest=face_set.digest,
        people=len(face_set.people) if known else None,
        photos=face_set.photos,
        pairs=None if face_set.pairs is None else len(face_set.pairs),
        read=time.time(),
    )
    record.redis.hset(keys.FACE_LINES, face_set.name, json.dumps(asdict(line)))
    return line


def _line(record: Record, name: str, kept: str | bytes | None) -> FaceLine:
    if kept is not None:
        line = FaceLine(**json.loads(kept))
        if line.read > time.time() - FRESH_SECONDS:
            return line
    try:
        return remember(record, record.faces.get(name))
    except (StoreRefused, StoreUnavailable):
        raise
    except LetheError as error:  # one that is damaged keeps no other out of the list
        log.error("face set not read", face_set=name, error=type(error).__name__)
        return FaceLine(name, "", None, 0, None, 0.0)
