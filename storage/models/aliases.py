"""Aliases: each is what its last move says, and every move stays on record."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storage import object_names
from storage.canonical import Corrupt, Document
from storage.journal import Entry, Journal
from storage.leases import Lease
from storage.models.versions import Version
from storage.store.objects import ObjectMissing, ObjectStore

ALIASES = ("current", "candidate")


class Reason(StrEnum):
    """Why an alias was moved."""

    PUBLISHED = "published"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True)
class Move:
    name: str  # of the object that it is written in
    alias: str
    version: int
    digest: str  # of the version
    before: int | None  # the version that the alias named before
    token: int
    actor: str
    at: str  # ISO 8601, UTC
    reason: str  # a ``Reason``; "" for what came before moves were recorded

    @classmethod
    def of(cls, alias: str, entry: Entry) -> Move:
        """
        Raises:
            Corrupt: not the move of this alias.
        """
        facts = entry.facts
        if facts.get("alias") != alias or facts.get("reason") not in list(Reason):
            raise Corrupt(f"{entry.name}: not a move of the alias {alias}")
        written = {"token": entry.token, "actor": entry.actor, "at": entry.at}
        return cls.parse(alias, {**facts, **written}, entry.name)

    @classmethod
    def parse(cls, alias: str, document: Document, name: str) -> Move:
        """
        Raises:
            Corrupt: names no version.
        """
        version, before, digest = (document.get(key) for key in ("version", "before", "digest"))
        before_is_one = before is None or type(before) is int
        if type(version) is not int or not before_is_one or not isinstance(digest, str):
            raise Corrupt(f"{name}: not an alias")
        token, at = document.get("token"), str(document.get("at", ""))
        try:
            datetime.fromisoformat(at)
        except ValueError:
            raise Corrupt(f"{name}: not an alias: its date is none") from None
        return cls(
            name=name,
            alias=alias,
            version=version,
            digest=digest,
            before=before,
            token=token if type(token) is int else 0,
            actor=str(document.get("actor", "")),
            at=at,
            reason=str(document.get("reason", "")),
        )


class Aliases:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def is_there(self, model: str, alias: str) -> bool:
        if self._objects.exists(object_names.alias(model, alias)):
            return True
        return any(True for _ in self._objects.names(object_names.alias_moves(model, alias)))

    def all(self, model: str) -> dict[str, Move]:
        """Every alias's last move, from one listing."""
        listed = list(self._objects.names(object_names.aliases(model)))
        found = {}
        for alias in ALIASES:
            folder = object_names.alias_moves(model, alias)
            own = [name for name in listed if name.startswith(folder)]
            if own or object_names.alias(model, alias) in listed:
                move = self._last(model, alias, own)
                if move:
                    found[alias] = move
        return found

    def last(self, model: str, alias: str) -> Move | None:
        """
        Raises:
            Corrupt: it is none, or one before it is missing.
        """
        return self._last(model, alias, None)

    def recent(self, model: str, alias: str, limit: int) -> list[Move]:
        """The last moves, the newest first; the one that was not recorded as such comes last.

        Raises:
            Corrupt: they do not follow on one another.
        """
        entries = self._journal(model, alias).recent(limit)
        found = [Move.of(alias, entry) for entry in entries]
        if len(found) < limit and (older := self._older(model, alias)):
            found.append(older)
        return found

    def move(
        self, model: str, alias: str, version: Version, reason: Reason, actor: str, lease: Lease
    ) -> None:
        """One write, which is the move and its record.

        Raises:
            LeaseLost: a newer token has moved it, or may.
        """
        before = self.last(model, alias)
        facts: Document = {
            "alias": alias,
            "version": version.number,
            "digest": version.digest,
            "before": before.version if before else None,
            "reason": str(reason),
        }
        self._journal(model, alias).append(facts, actor, lease)

    def was_published(self, model: str, alias: str, version: Version) -> bool:
        """Whether the version got the alias before; somebody may have rolled it back since."""
        walked = self._journal(model, alias).walk()
        entries = [entry for entry in walked if isinstance(entry, Entry)]
        return any(
            entry.facts.get("digest") == version.digest
            and entry.facts.get("reason") == Reason.PUBLISHED
            for entry in entries
        )

    def faults(
        self, model: str, alias: str, digests: Mapping[str, int], deleted: Collection[int]
    ) -> Iterator[str]:
        """What is wrong with an alias's moves, a line each.

        Args:
            digests: the model's versions that are intact, by their digests.
            deleted: numbers of versions whose files are gone.
        """
        try:
            older = self._older(model, alias)
        except Corrupt as error:
            yield str(error)
            older = None
        before = older.version if older else None
        last = older
        for entry in self._journal(model, alias).walk():
            try:
                if isinstance(entry, Corrupt):
                    raise entry
                last = Move.of(alias, entry)
            except Corrupt as error:
                yield str(error)
                before = None
                continue
            if before is not None and last.before != before:
                yield f"{last.name}: names version {last.before} before it, not {before}"
            before = last.version
            if digests.get(last.digest) != last.version:
                yield f"{last.name}: names no version that is intact"
        if older and older is last and digests.get(older.digest) != older.version:
            yield f"{older.name}: names no version that is intact"
        if last and last.version in deleted:
            yield f"{last.name}: names version {last.version}, which was deleted"

    def _last(self, model: str, alias: str, listed: list[str] | None) -> Move | None:
        entry = self._journal(model, alias).last(listed)
        return Move.of(alias, entry) if entry else self._older(model, alias)

    def _older(self, model: str, alias: str) -> Move | None:
        """What older installations wrote: where the alias is, and nothing of where it was."""
        name = object_names.alias(model, alias)
        try:
            document = self._objects.get_document(name)
        except ObjectMissing:
            return None
        return Move.parse(alias, {**document, "reason": ""}, name)

    def _journal(self, model: str, alias: str) -> Journal:
        return Journal(
            self._objects,
            object_names.alias_moves(model, alias),
            older=object_names.alias(model, alias),
        )
