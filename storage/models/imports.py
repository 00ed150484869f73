"""Imports: model files that wait to be checked, who gave them, and what became of each."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, BinaryIO

from storage import names, object_names
from storage.canonical import CHUNK, Corrupt, Document
from storage.errors import BadInput
from storage.models.registry import Model
from storage.names import BadName
from storage.store.objects import ObjectExists, ObjectMissing, ObjectStore

KEPT_DAYS = 30  # after it ended; the model's own record says for good where it came from


class NoSuchImport(BadInput):
    """There is no import of this id, or it ended long ago."""


class Source(StrEnum):
    UPLOAD = "upload"  # the file lies in the object store
    FOLDER = "folder"  # the file lies in LETHE_IMPORT_DIR of the workers


@dataclass(frozen=True)
class Outcome:
    at: str  # ISO 8601, UTC
    version: int | None  # that was published; None where it was refused
    refusal: str = ""  # one line


@dataclass(frozen=True)
class Import:
    id: str
    model: Model
    file: str  # its name
    source: Source
    actor: str
    at: str  # ISO 8601, UTC
    size: int | None = None  # bytes of an upload
    sha256: str | None = None  # of an upload
    outcome: Outcome | None = None

    @classmethod
    def parse(cls, document: Document, outcome: Document | None, name: str) -> Import:
        """
        Raises:
            Corrupt: not what ``Imports`` writes.
        """
        try:
            given: dict[str, Any] = dict(document["model"])
            model = Model(**{**given, "verification": tuple(given["verification"])})
            return cls(
                id=names.import_id(document["id"]),
                model=model,
                file=names.model_file(document["file"]),
                source=Source(document["source"]),
                actor=str(document["actor"]),
                at=datetime.fromisoformat(document["at"]).isoformat(),
                size=document["size"],
                sha256=document["sha256"],
                outcome=Outcome(**outcome) if outcome else None,
            )
        except (KeyError, TypeError, ValueError, BadName):
            raise Corrupt(f"{name}: not an import") from None

    def document(self) -> Document:
        model = self.model
        return {
            "id": self.id,
            "model": {
                "name": model.name,
                "reference_faces": model.reference_faces,
                "benchmark_faces": model.benchmark_faces,
                "verification": list(model.verification),
            },
            "file": self.file,
            "source": str(self.source),
            "actor": self.actor,
            "at": self.at,
            "size": self.size,
            "sha256": self.sha256,
        }


class Imports:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def keep(self, model: Model, file: str, stream: BinaryIO, size: int, actor: str) -> Import:
        """Keeps an upload of ``size`` bytes. What asks for it comes last: half of one is none.

        Raises:
            BadName: of the file.
            StoreRefused, StoreUnavailable
        """
        found = _new(model, file, Source.UPLOAD, actor, size, _sha256(stream))
        stream.seek(0)
        self._objects.put_stream(
            object_names.import_file(found.id), stream, size, found.sha256 or ""
        )
        return self._ask(found)

    def name(self, model: Model, file: str, actor: str) -> Import:
        """Asks for a file in the workers' import folder.

        Raises:
            BadName: of the file.
        """
        return self._ask(_new(model, file, Source.FOLDER, actor))

    def get(self, id_: str) -> Import:
        """
        Raises:
            NoSuchImport, BadName, Corrupt
        """
        name = object_names.import_request(names.import_id(id_))
        try:
            document = self._objects.get_document(name)
        except ObjectMissing:
            raise NoSuchImport(f"import {id_}: there is none; it may have ended long ago") from None
        return Import.parse(document, self._outcome(id_), name)

    def recent(self, limit: int) -> list[Import]:
        """The newest first; what cannot be read is left out."""
        ids = sorted(self._objects.folders(object_names.IMPORTS), reverse=True)
        return list(self._readable(ids[:limit]))

    def end(self, id_: str, *, version: int | None = None, refusal: str = "") -> None:
        """Says what became of it, once, and removes the upload."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        document = {"at": at, "version": version, "refusal": refusal}
        with suppress(ObjectExists):  # another worker was faster, and said so
            self._objects.put_new(object_names.import_outcome(names.import_id(id_)), document)
        self._remove_file(id_)

    def waiting(self) -> list[str]:
        """Ids of those that were asked for and have not ended, the oldest first."""
        return [
            id_
            for id_, lying in self._lying().items()
            if object_names.import_request(id_) in lying
            and object_names.import_outcome(id_) not in lying
        ]

    def tidy(self, orphan_seconds: float) -> list[str]:
        """Removes uploads that died before they were asked for, and imports that ended long ago.

        Returns their ids.
        """
        removed = []
        for id_, lying in self._lying().items():
            asked, ended = (
                object_names.import_request(id_) in lying,
                object_names.import_outcome(id_) in lying,
            )
            if asked and not ended:
                continue
            age = timedelta(days=KEPT_DAYS) if ended else timedelta(seconds=orphan_seconds)
            changed = self._objects.changed(object_names.import_(id_))
            if changed is not None and datetime.now(UTC) - changed > age:
                self._objects.remove_all(object_names.import_(id_))
                removed.append(id_)
            elif ended and object_names.import_file(id_) in lying:
                self._remove_file(id_)  # its worker died right after it said what became of it
        return removed

    def _remove_file(self, id_: str) -> None:
        kept = {object_names.import_request(id_), object_names.import_outcome(id_)}
        self._objects.remove_all(object_names.import_(id_), kept)

    def _lying(self) -> dict[str, set[str]]:
        """Of each import the objects that are there, the oldest import first."""
        found: dict[str, set[str]] = {}
        for name in self._objects.names(object_names.IMPORTS):
            id_ = name.removeprefix(object_names.IMPORTS).partition("/")[0]
            found.setdefault(id_, set()).add(name)
        return dict(sorted(found.items()))

    def _ask(self, found: Import) -> Import:
        self._objects.put_document(object_names.import_request(found.id), found.document())
        return found

    def _outcome(self, id_: str) -> Document | None:
        try:
            return self._objects.get_document(object_names.import_outcome(id_))
        except ObjectMissing:
            return None

    def _readable(self, ids: list[str]) -> Iterator[Import]:
        for id_ in ids:
            try:
                yield self.get(id_)
            except (NoSuchImport, BadName, Corrupt):
                continue


def _new(
    model: Model,
    file: str,
    source: Source,
    actor: str,
    size: int | None = None,
    digest: str | None = None,
) -> Import:
    id_ = names.new_import_id(int(time.time()))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Import(id_, model, names.model_file(file), source, actor, at, size, digest)


def _sha256(stream: BinaryIO) -> str:
    found = hashlib.sha256()
    stream.seek(0)
    while piece := stream.read(CHUNK):
        found.update(piece)
    return found.hexdigest()
