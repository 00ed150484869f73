"""Models: immutable versions that name their parents, and the aliases on them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import RedisError

from storage import keys, names, object_names
from storage.canonical import Corrupt
from storage.errors import BadInput
from storage.leases import Lease
from storage.models.aliases import ALIASES, Aliases, Move, Reason
from storage.models.policy import Approval, ModelPolicies, ModelPolicy
from storage.models.versions import MODEL_FILE, NoSuchModel, Version, VersionDeleted, Versions
from storage.store.objects import ObjectExists, ObjectMissing, ObjectStore

__all__ = [
    "ALIASES",
    "MODEL_FILE",
    "Approval",
    "Model",
    "ModelExists",
    "ModelPolicy",
    "Models",
    "Move",
    "NoSuchModel",
    "Reason",
    "Version",
    "VersionDeleted",
]

_NUMBER = re.compile(r"[0-9]{1,6}")


class ModelExists(BadInput):
    """A model of this name exists already."""


@dataclass(frozen=True)
class Model:
    name: str
    reference_faces: str
    benchmark_faces: str
    verification: tuple[str, ...] = ()  # face sets with pairs that every version is measured on


class Models(Versions):
    """``publish_as``: the alias of a certified version, for models whose policy names none."""

    def __init__(self, objects: ObjectStore, redis: Redis, publish_as: str = "current") -> None:
        super().__init__(objects)
        self._redis = redis
        self._aliases = Aliases(objects)
        self._policies = ModelPolicies(objects, publish_as)

    def create(self, model: Model) -> None:
        """The same again where its import died before version 1 is no second model.

        Raises:
            ModelExists
        """
        document = {
            "name": names.model_name(model.name),
            "reference_faces": names.face_set_name(model.reference_faces),
            "benchmark_faces": names.face_set_name(model.benchmark_faces),
            "verification": [names.face_set_name(name) for name in model.verification],
        }
        try:
            self._objects.put_new(object_names.model(model.name), document)
        except ObjectExists:
            if self.numbers(model.name) or self.get(model.name) != model:
                raise ModelExists(
                    f"model {model.name}: exists already; choose another name"
                ) from None
        self._redis.sadd(keys.MODELS, model.name)

    def get(self, name: str) -> Model:
        """
        Raises:
            NoSuchModel, Corrupt
        """
        try:
            document = self._objects.get_document(object_names.model(names.model_name(name)))
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
            raise Corrupt(f"{object_names.model(name)}: not a model") from None

    def all(self) -> list[Model]:
        return [self.get(str(name)) for name in sorted(self._redis.smembers(keys.MODELS))]

    def recorded(self) -> list[str]:
        """Names of all models in the record."""
        return [name for name in self._objects.folders(object_names.MODEL_FOLDERS) if name]

    def register(self, name: str) -> None:
        """Puts a recorded model back into the index."""
        self._redis.sadd(keys.MODELS, names.model_name(name))
        self._changed(name)

    def registered(self) -> set[str]:
        """Names of all models in the index."""
        return {str(name) for name in self._redis.smembers(keys.MODELS)}

    def forget(self, name: str) -> None:
        """Takes a model that the record lacks out of the index."""
        self._redis.srem(keys.MODELS, name)

    def _changed(self, name: str) -> None:
        """Pages show it at once; without Redis as soon as ``storage.models.lines`` reads it."""
        with suppress(RedisError):
            self._redis.hdel(keys.LINES, name)

    def pointed(self, model: str) -> dict[str, Move]:
        """Of each alias the move that brought it where it is."""
        return self._aliases.all(names.model_name(model))

    def aliases(self, model: str) -> dict[str, int]:
        return {alias: move.version for alias, move in self.pointed(model).items()}

    def find(self, reference: str) -> Version:
        """The version behind NAME, NAME@ALIAS or NAME@N; NAME alone is its current version.

        Raises:
            NoSuchModel
            VersionDeleted: the version was there, and somebody deleted its files.
            Corrupt: the version is not the one that the alias was set on.
        """
        name, _, which = reference.partition("@")
        self.get(name)
        if not _NUMBER.fullmatch(which):
            return self._pointed(name, which or "current")  # what an alias names is never deleted
        version = self.version(name, int(which))
        self.check_kept(version)
        return version

    def _pointed(self, name: str, alias: str) -> Version:
        move = self._aliases.last(names.model_name(name), alias) if alias in ALIASES else None
        if move is None:
            has = sorted(self.aliases(name))
            raise NoSuchModel(f"model {name}: no alias {alias[:32]!r}; it has {has}")
        version = self.version(name, move.version)
        if version.digest != move.digest:
            manifest = object_names.manifest(name, version.number)
            raise Corrupt(f"{manifest}: not the version that {alias} was set on: altered")
        return version

    def point(
        self,
        model: str,
        alias: str,
        version: Version,
        actor: str,
        lease: Lease,
        reason: Reason = Reason.PUBLISHED,
    ) -> None:
        """Moves an alias, under the lease's fencing token; the move is its own record.

        Raises:
            LeaseLost: a newer token has moved it, or may.
            VersionDeleted
        """
        self.check_kept(version)
        self._aliases.move(names.model_name(model), alias, version, reason, actor, lease)
        self._changed(model)

    def release(self, version: Version, actor: str, lease: Lease) -> None:
        """Points the alias that the model's policy names at a version that was published.

        Once: a crash after it repeats nothing, and does not undo what a person did since.

        Raises:
            LeaseLost
        """
        alias = self.policy(version.model).publish_as
        if not self._aliases.was_published(version.model, alias, version):
            self.point(version.model, alias, version, actor, lease)

    def promote(self, model: str, number: int, actor: str, lease: Lease) -> Version:
        """Makes version ``number`` the current one.

        Raises:
            NoSuchModel, VersionDeleted, LeaseLost
        """
        version = self.version(model, number)
        self.point(model, "current", version, actor, lease, Reason.PROMOTED)
        return version

    def rollback(self, model: str, actor: str, lease: Lease) -> Version:
        """Makes the version that the current one was made from current again.

        Raises:
            NoSuchModel: the current version is the import.
            VersionDeleted, LeaseLost
        """
        version = self.rollback_target(model)
        self.point(model, "current", version, actor, lease, Reason.ROLLED_BACK)
        return version

    def rollback_target(self, model: str) -> Version:
        """The version that ``current`` was made from.

        Raises:
            NoSuchModel: the current version is the import.
        """
        current = self._pointed(model, "current")
        for version in self.versions(model):
            if version.digest == current.parent:
                return version
        raise NoSuchModel(
            f"model {model}: version {current.number} is the import; nothing to roll back to"
        )

    def moves(self, model: str, limit: int = 20) -> list[Move]:
        """The last moves of all aliases, the newest first.

        Raises:
            Corrupt: they do not follow on one another.
        """
        name = names.model_name(model)
        found = [move for alias in ALIASES for move in self._aliases.recent(name, alias, limit)]
        return sorted(found, key=lambda move: (move.at, move.token), reverse=True)[:limit]

    def has_alias(self, model: str, alias: str) -> bool:
        return self._aliases.is_there(names.model_name(model), alias)

    def alias_faults(self, model: str, alias: str, digests: Mapping[str, int]) -> Iterator[str]:
        """What is wrong with the alias's moves; ``digests``: of the versions that are intact."""
        yield from self._aliases.faults(model, alias, digests, self.deleted(model))

    def policy(self, model: str) -> ModelPolicy:
        return self._policies.get(model)

    def settle(
        self,
        model: str,
        actor: str,
        lease: Lease,
        *,
        approval: str | None = None,
        publish_as: str | None = None,
    ) -> ModelPolicy:
        """Changes what is given of the model's policy.

        Raises:
            NoSuchModel, BadInput, LeaseLost
        """
        self.get(model)
        return self._policies.change(model, actor, lease, approval, publish_as)

    def policy_faults(self, model: str) -> list[str]:
        return self._policies.faults(model)
