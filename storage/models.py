"""Models: immutable versions that name their parents, and the aliases on them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redis import Redis

from storage import keys, names
from storage.canonical import SHA256, Corrupt, Document, canonical, sha256
from storage.errors import BadInput
from storage.leases import Lease
from storage.objects import ObjectMissing, ObjectStore

ALIASES = ("current", "candidate")
MODEL_FILE = "model.onnx"
_MANIFEST = re.compile(r"([0-9]{6})/manifest\.json")
_NUMBER = re.compile(r"[0-9]{1,6}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


class NoSuchModel(BadInput):
    """There is no model, version or alias of this name."""


class ModelExists(BadInput):
    """A model of this name exists already."""


@dataclass(frozen=True)
class Version:
    model: str
    number: int
    digest: str  # SHA-256 of the manifest: the version's own name
    parent: str | None  # digest of the version it was made from; None for an import
    files: dict[str, str]  # file name → SHA-256
    made_by: dict[str, Any]
    created_at: str  # ISO 8601, UTC

    def is_sound(self) -> bool:
        """Whether everything is of its kind, which JSON alone does not say.

        Raises:
            TypeError, ValueError: the date is none.
        """
        datetime.fromisoformat(self.created_at)
        has_parent = self.parent is None or SHA256.fullmatch(self.parent) is not None
        return has_parent and isinstance(self.made_by, dict)


@dataclass(frozen=True)
class Model:
    name: str
    reference_faces: str
    benchmark_faces: str
    verification: tuple[str, ...] = ()  # face sets with pairs that every version is measured on


class Models:
    def __init__(self, objects: ObjectStore, redis: Redis) -> None:
        self._objects = objects
        self._redis = redis

    def create(self, model: Model) -> None:
        """
        Raises:
            ModelExists
        """
        if self._objects.exists(keys.model(names.model_name(model.name))):
            raise ModelExists(f"model {model.name}: exists already; choose another name")
        document = {
            "name": model.name,
            "reference_faces": names.face_set_name(model.reference_faces),
            "benchmark_faces": names.face_set_name(model.benchmark_faces),
            "verification": [names.face_set_name(name) for name in model.verification],
        }
        self._objects.put_document(keys.model(model.name), document)
        self._redis.sadd(keys.MODELS, model.name)

    def get(self, name: str) -> Model:
        """
        Raises:
            NoSuchModel, Corrupt
        """
        try:
            document = self._objects.get_document(keys.model(names.model_name(name)))
        except ObjectMissing:
            raise NoSuchModel(
                f"model {name}: there is none; see `lethe models list`, or add it"
            ) from None
        try:
            return Model(
                name,
                str(document["reference_faces"]),
                str(document["benchmark_faces"]),
                tuple(map(str, document.get("verification", ()))),  # older documents have none
            )
        except (KeyError, TypeError):
            raise Corrupt(f"{keys.model(name)}: not a model") from None

    def all(self) -> list[Model]:
        return [self.get(str(name)) for name in sorted(self._redis.smembers(keys.MODELS))]

    def recorded(self) -> list[str]:
        """Names of all models in the record."""
        return [name for name in self._objects.folders("models/") if name]

    def register(self, name: str) -> None:
        """Puts a recorded model back into the index."""
        self._redis.sadd(keys.MODELS, names.model_name(name))

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
            LeaseLost: somebody else may publish now; nothing counts that was written.
        """
        number = max(self.numbers(model), default=0) + 1
        folder = keys.version(names.model_name(model), number)
        digests = {}
        for name, path in files.items():
            lease.check()  # a publisher that slept must not write over a version made meanwhile
            digests[name] = self._objects.put_file(folder + name, path)
        manifest = {
            "format": 1,
            "model": model,
            "version": number,
            "parent": parent.digest if parent else None,
            "files": digests,
            "made_by": dict(made_by),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        lease.check()
        self._objects.put_document(folder + "manifest.json", manifest)
        return self.version(model, number)

    def numbers(self, model: str) -> list[int]:
        """Numbers of all complete versions, rising."""
        folder = keys.versions(names.model_name(model))
        found = (_MANIFEST.fullmatch(name, len(folder)) for name in self._objects.names(folder))
        return sorted(int(match.group(1)) for match in found if match)

    def version(self, model: str, number: int) -> Version:
        """
        Raises:
            NoSuchModel
            Corrupt: the manifest is not that version's.
        """
        name = keys.version(names.model_name(model), number) + "manifest.json"
        try:
            document = self._objects.get_document(name)
        except ObjectMissing:
            raise NoSuchModel(f"model {model}: there is no version {number}") from None
        try:
            if (document["model"], document["version"]) != (model, number):
                raise Corrupt(f"{name}: the manifest of another version")
            version = Version(
                model=model,
                number=number,
                digest=sha256(canonical(document)),
                parent=document["parent"],
                files=_files(document["files"], name),
                made_by=document["made_by"],
                created_at=document["created_at"],
            )
            sound = version.is_sound()
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            raise Corrupt(f"{name}: not a manifest") from None
        if not sound:
            raise Corrupt(f"{name}: not a manifest: its parent, maker or date is none")
        return version

    def versions(self, model: str) -> list[Version]:
        return [self.version(model, number) for number in self.numbers(model)]

    def aliases(self, model: str) -> dict[str, int]:
        found = {}
        for alias in ALIASES:
            document = self._alias(model, alias)
            if document:
                found[alias] = document["version"]
        return found

    def find(self, reference: str) -> Version:
        """The version behind NAME, NAME@ALIAS or NAME@N; NAME alone is its current version.

        Raises:
            NoSuchModel
            Corrupt: the version is not the one that the alias was set on.
        """
        name, _, which = reference.partition("@")
        self.get(name)
        if _NUMBER.fullmatch(which):
            return self.version(name, int(which))
        wanted = which or "current"
        document = self._alias(name, wanted) if wanted in ALIASES else None
        if document is None:
            has = sorted(self.aliases(name))
            raise NoSuchModel(f"model {name}: no alias {wanted[:32]!r}; it has {has}")
        version = self.version(name, document["version"])
        if version.digest != document.get("digest"):
            manifest = keys.version(name, version.number) + "manifest.json"
            raise Corrupt(f"{manifest}: not the version that {wanted} was set on: altered")
        return version

    def point(self, model: str, alias: str, version: Version, actor: str, lease: Lease) -> None:
        """Moves an alias, under the lease's fencing token.

        Raises:
            LeaseLost: a newer token has moved it, or may.
        """
        before = self._alias(model, alias)
        document = {
            "alias": alias,
            "version": version.number,
            "digest": version.digest,
            "before": before["version"] if before else None,
            "token": lease.token,
            "actor": actor,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        lease.check()
        self._objects.put_document(keys.alias(names.model_name(model), alias), document)

    def rollback_target(self, model: str) -> Version:
        """The version that ``current`` was made from.

        Raises:
            NoSuchModel: the current version is the import.
        """
        current = self.find(model)
        for version in self.versions(model):
            if version.digest == current.parent:
                return version
        raise NoSuchModel(
            f"model {model}: version {current.number} is the import; nothing to roll back to"
        )

    def pull(self, version: Version, folder: Path) -> Path:
        """Writes the version's files into ``folder``, checked; returns the model file's path."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, digest in version.files.items():
            source = keys.version(version.model, version.number) + name
            self._objects.get_file(source, folder / name, digest)
        return folder / MODEL_FILE

    def check_files(self, version: Version) -> None:
        """
        Raises:
            Corrupt, ObjectMissing: a file is not what the manifest says.
        """
        for name, digest in version.files.items():
            self._objects.get(keys.version(version.model, version.number) + name, digest)

    def has_alias(self, model: str, alias: str) -> bool:
        return self._objects.exists(keys.alias(names.model_name(model), alias))

    def alias_document(self, model: str, alias: str) -> Document | None:
        return self._alias(model, alias)

    def _alias(self, model: str, alias: str) -> Document | None:
        name = keys.alias(names.model_name(model), alias)
        try:
            document = self._objects.get_document(name)
        except ObjectMissing:
            return None
        if not isinstance(document.get("version"), int):
            raise Corrupt(f"{name}: not an alias")
        return document


def _files(files: Mapping[str, str], manifest: str) -> dict[str, str]:
    """The manifest's files; a name that leaves the version's folder is refused."""
    for file, digest in files.items():
        if not _FILE.fullmatch(file) or not SHA256.fullmatch(digest):
            raise Corrupt(f"{manifest}: not a file and its SHA-256: {file[:80]!r}")
    return dict(files)
