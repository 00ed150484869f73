"""Versions of a model: immutable, each named by its manifest's digest and naming its parent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage import names, object_names
from storage.canonical import SHA256, Corrupt, Document, canonical, file_sha256, sha256
from storage.errors import BadInput
from storage.journal import write_once
from storage.leases import Lease, LeaseLost
from storage.models.deletion import Deletion
from storage.store.objects import ObjectMissing, ObjectStore

MODEL_FILE = "model.onnx"
_MANIFEST = re.compile(r"([0-9]{6})/manifest\.json")
_DELETION = re.compile(r"([0-9]{6})/deleted\.json")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


class NoSuchModel(BadInput):
    """There is no model, version or alias of this name."""


class VersionDeleted(NoSuchModel):
    """A version whose files somebody deleted."""


@dataclass(frozen=True)
class Version:
    model: str
    number: int
    digest: str  # SHA-256 of the manifest: the version's own name
    parent: str | None  # digest of the version it was made from; None for an import
    files: dict[str, str]  # file name → SHA-256
    made_by: dict[str, Any]
    created_at: str  # ISO 8601, UTC
    format: int = 2  # 1: its objects are named without their digests

    @classmethod
    def parse(cls, document: Document, model: str, number: int, name: str) -> Version:
        """
        Raises:
            Corrupt: the manifest is none, or that of another version.
        """
        try:
            if (document["model"], document["version"]) != (model, number):
                raise Corrupt(f"{name}: the manifest of another version")
            version = cls(
                model=model,
                number=number,
                digest=sha256(canonical(document)),
                parent=document["parent"],
                files=_files(document["files"], name),
                made_by=document["made_by"],
                created_at=document["created_at"],
                format=document["format"],
            )
            sound = version.is_sound()
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            raise Corrupt(f"{name}: not a manifest") from None
        if not sound:
            raise Corrupt(f"{name}: not a manifest: its parent, maker, date or format is none")
        return version

    def is_sound(self) -> bool:
        """Whether everything is of its kind, which JSON alone does not say.

        Raises:
            TypeError, ValueError: the date is none.
        """
        datetime.fromisoformat(self.created_at)
        has_parent = self.parent is None or SHA256.fullmatch(self.parent) is not None
        has_format = type(self.format) is int and self.format in {1, 2}
        return has_parent and has_format and isinstance(self.made_by, dict)

    @property
    def tickets(self) -> list[str]:
        """Those of the run that made it; none for an import."""
        found = self.made_by.get("tickets")
        return [str(ticket) for ticket in found] if isinstance(found, list) else []

    def object(self, file: str) -> str:
        """The name of the object that holds the file."""
        if self.format == 1:
            return object_names.version(self.model, self.number) + file
        return object_names.version_file(self.model, self.number, file, self.files[file])


class Versions:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def publish(
        self,
        model: str,
        files: Mapping[str, Path],
        made_by: Mapping[str, Any],
        *,
        parent: Version | None,
        lease: Lease,
    ) -> Version:
        """Writes the next version; its manifest comes last, so half a version is none.

        Raises:
            LeaseLost: somebody else may publish now, or did; nothing counts that was written.
        """
        number = max(self.numbers(model), default=0) + 1
        digests = {}
        for name, path in files.items():
            lease.check()
            digests[name] = file_sha256(path)
            target = object_names.version_file(model, number, name, digests[name])
            self._objects.put_file(target, path, digests[name])
        manifest = {
            "format": 2,
            "model": model,
            "version": number,
            "parent": parent.digest if parent else None,
            "files": digests,
            "made_by": dict(made_by),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            write_once(self._objects, object_names.manifest(model, number), manifest, lease)
        except LeaseLost:
            if self._objects.conditional:  # or the manifest that is there may be ours, over another
                self._remove_strays(model, number)
            raise
        self._remove_strays(model, number)
        return self.version(model, number)

    def numbers(self, model: str) -> list[int]:
        """Numbers of all complete versions, rising, also of those whose files were deleted."""
        return self._listed(model, _MANIFEST)

    def version(self, model: str, number: int) -> Version:
        """
        Raises:
            NoSuchModel
            Corrupt: the manifest is not that version's.
        """
        name = object_names.manifest(names.model_name(model), number)
        try:
            document = self._objects.get_document(name)
        except ObjectMissing:
            raise NoSuchModel(f"model {model}: there is no version {number}") from None
        return Version.parse(document, model, number, name)

    def versions(self, model: str) -> list[Version]:
        return [self.version(model, number) for number in self.numbers(model)]

    def pull(self, version: Version, folder: Path) -> Path:
        """Writes the version's files into ``folder``, checked; returns the model file's path.

        Raises:
            VersionDeleted
            Corrupt, ObjectMissing: a file is not what the manifest says.
        """
        self.check_kept(version)
        folder.mkdir(parents=True, exist_ok=True)
        for name, digest in version.files.items():
            self._objects.get_file(version.object(name), folder / name, digest)
        return folder / MODEL_FILE

    def check_kept(self, version: Version) -> None:
        """
        Raises:
            VersionDeleted: who deleted its files, when and why.
        """
        if found := self.deletion(version.model, version.number):
            by, reason = (" ".join(text.split())[:200] for text in (found.actor, found.reason))
            raise VersionDeleted(
                f"model {version.model}: version {version.number} was deleted by {by} "
                f"on {found.at[:10]}: {reason}"
            )

    def check_files(self, version: Version) -> None:
        """
        Raises:
            Corrupt, ObjectMissing: a file is not what the manifest says, or it is there although
                the version was deleted.
        """
        found = self.deletion(version.model, version.number)
        if found is None:
            for name, digest in version.files.items():
                self._objects.get(version.object(name), digest)
            return
        name = object_names.deletion(version.model, version.number)
        if found.digest != version.digest:
            raise Corrupt(f"{name}: the deletion of another version")
        if self.files_left(version):
            raise Corrupt(
                f"{name}: the version was deleted, and its files are still there: run "
                f"`lethe models delete {version.model} {version.number}` again"
            )

    def files_left(self, version: Version) -> bool:
        return any(self._objects.exists(version.object(name)) for name in version.files)

    def oldest_kept(self, model: str) -> Version:
        """The oldest version that still has its files: the import, unless it was deleted.

        Raises:
            NoSuchModel
        """
        gone = self.deleted(model)
        kept = [number for number in self.numbers(model) if number not in gone]
        if not kept:
            raise NoSuchModel(f"model {model}: has no version; add it again")
        return self.version(model, kept[0])

    def deletion(self, model: str, number: int) -> Deletion | None:
        """
        Raises:
            Corrupt: it is none.
        """
        name = object_names.deletion(names.model_name(model), number)
        try:
            document = self._objects.get_document(name)
        except ObjectMissing:
            return None
        return Deletion.parse(document, number, name)

    def deleted(self, model: str) -> set[int]:
        """Numbers of the versions whose files were deleted."""
        return set(self._listed(model, _DELETION))

    def listed(self, model: str) -> tuple[list[int], set[int]]:
        """Numbers of all complete versions, rising, and of those whose files were deleted."""
        folder = object_names.versions(names.model_name(model))
        found = list(self._objects.names(folder))
        numbers, deleted = (
            [int(match[1]) for name in found if (match := pattern.fullmatch(name, len(folder)))]
            for pattern in (_MANIFEST, _DELETION)
        )
        return sorted(numbers), set(deleted)

    def deletions(self, model: str) -> dict[int, Deletion]:
        """Each version whose files were deleted, by its number."""
        found = {number: self.deletion(model, number) for number in self.deleted(model)}
        return {number: deletion for number, deletion in found.items() if deletion}

    def delete(self, version: Version, actor: str, reason: str, lease: Lease) -> int:
        """Removes the version's files, in all their versions; returns how many objects.

        What says so comes first: a deletion that dies half-way is seen, and done again.

        Raises:
            LeaseLost
        """
        document = {
            "format": 1,
            "version": version.number,
            "digest": version.digest,
            "actor": actor,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "reason": reason,
        }
        if self.deletion(version.model, version.number) is None:
            name = object_names.deletion(version.model, version.number)
            write_once(self._objects, name, document, lease)
        lease.check()
        return self._remove_but(version.model, version.number, [])

    def _remove_strays(self, model: str, number: int) -> None:
        """Removes files that no manifest names: those of publishers who were killed, or late."""
        try:
            version = self.version(model, number)
        except NoSuchModel:
            return
        self._remove_but(model, number, [version.object(name) for name in version.files])

    def _remove_but(self, model: str, number: int, kept: list[str]) -> int:
        keep = {object_names.manifest(model, number), object_names.deletion(model, number), *kept}
        return self._objects.remove_all(object_names.version(model, number), keep)

    def _listed(self, model: str, pattern: re.Pattern[str]) -> list[int]:
        folder = object_names.versions(names.model_name(model))
        found = (pattern.fullmatch(name, len(folder)) for name in self._objects.names(folder))
        return sorted(int(match.group(1)) for match in found if match)


def _files(files: Mapping[str, str], manifest: str) -> dict[str, str]:
    """The manifest's files; a name that leaves the version's folder is refused."""
    for file, digest in files.items():
        if not _FILE.fullmatch(file) or not SHA256.fullmatch(digest):
            raise Corrupt(f"{manifest}: not a file and its SHA-256: {file[:80]!r}")
    return dict(files)
