"""Journals: numbered documents that are only added to, each with the digest of the one before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from storage import object_names
from storage.canonical import Corrupt, Document, canonical, parse, sha256
from storage.leases import Lease, LeaseLost
from storage.store.objects import ObjectExists, ObjectMissing, ObjectStore

_ENTRY = re.compile(r"([0-9]{6})\.json")


@dataclass(frozen=True)
class Entry:
    name: str  # of its object
    digest: str  # SHA-256 of its bytes: what the next one names
    number: int  # from 1
    token: int  # of the lease that it was written under
    actor: str
    at: str  # ISO 8601, UTC
    previous: str | None  # the digest of the one before
    facts: Document  # what it is about

    @classmethod
    def parse(cls, data: bytes, name: str) -> Entry:
        """
        Raises:
            Corrupt: not an entry.
        """
        facts = parse(data, name)
        try:
            form, number, token = (facts.pop(key) for key in ("format", "number", "token"))
            actor, at, previous = (facts.pop(key) for key in ("actor", "at", "previous"))
            datetime.fromisoformat(at)
        except (KeyError, TypeError, ValueError):
            raise Corrupt(f"{name}: not an entry of a journal") from None
        texts = (actor, at, "" if previous is None else previous)
        sound = all(isinstance(text, str) for text in texts)
        if form != 1 or not sound or type(number) is not int or type(token) is not int:
            raise Corrupt(f"{name}: not an entry of a journal")
        return cls(name, sha256(data), number, token, actor, at, previous, facts)


class Journal:
    """One folder of entries, ``000001.json`` and so on; what its last entry says holds.

    Args:
        older: the object that held what the journal holds now, before there was one. The first
            entry names it as the one before.
    """

    def __init__(self, objects: ObjectStore, folder: str, older: str | None = None) -> None:
        self._objects = objects
        self._folder = folder
        self._older = older

    def last(self, listed: Sequence[str] | None = None) -> Entry | None:
        """The last entry; ``listed`` are the names of the folder's objects, where known.

        Raises:
            Corrupt: it is none, or an entry before it is missing.
        """
        names = self._names(listed)
        return self._read(names[-1], len(names)) if names else None

    def recent(self, limit: int) -> list[Entry]:
        """The last entries, the newest first.

        Raises:
            Corrupt: one of them is none, or does not follow on the one before.
        """
        names = self._names()
        numbers = range(max(len(names) - limit, 0), len(names))
        entries = [self._read(names[number], number + 1) for number in numbers]
        for before, entry in pairwise(entries):
            if entry.previous != before.digest:
                raise Corrupt(f"{entry.name}: the journal breaks here")
        return entries[::-1]

    def append(self, facts: Document, actor: str, lease: Lease) -> Entry:
        """Adds an entry in one write, under the lease's fencing token.

        Raises:
            LeaseLost: a newer token has written here, or may.
        """
        last = self.last()
        token, previous = (last.token, last.digest) if last else self.older() or (0, None)
        if lease.token < token:
            raise LeaseLost(f"{self._folder}: somebody wrote here under a newer lease; unwritten")
        entry: Document = {
            **facts,
            "format": 1,
            "number": last.number + 1 if last else 1,
            "token": lease.token,
            "actor": actor,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "previous": previous,
        }
        name = object_names.journal_entry(self._folder, entry["number"])
        write_once(self._objects, name, entry, lease)
        return Entry.parse(canonical(entry), name)

    def older(self) -> tuple[int, str] | None:
        """Token and digest of what was there before the journal."""
        if self._older is None:
            return None
        try:
            data = self._objects.get(self._older)
        except ObjectMissing:
            return None
        token = parse(data, self._older).get("token")
        return token if type(token) is int else 0, sha256(data)

    def walk(self) -> Iterator[Entry | Corrupt]:
        """The whole journal in its order: each entry that is one, and each broken link."""
        known, number = True, 0  # whether the entry before is there and could be read
        try:
            token, previous = self.older() or (0, None)
        except Corrupt as error:
            yield error
            known, token, previous = False, 0, None
        for name in sorted(self._objects.names(self._folder)):
            match = _ENTRY.fullmatch(name, len(self._folder))
            if not match:
                yield Corrupt(f"{name}: no entry of a journal")
                continue
            if int(match.group(1)) > number + 1:
                wanted = object_names.journal_entry(self._folder, number + 1)
                yield Corrupt(f"{wanted}: is missing, and {name} is there")
                known = False
            number = int(match.group(1))
            try:
                entry = self._read(name, number)
            except Corrupt as error:
                yield error
                known = False
                continue
            if known and entry.previous != previous:
                yield Corrupt(f"{name}: names another entry before it: altered, or that one was")
            if entry.token < token:
                yield Corrupt(f"{name}: written under an older lease than the entry before")
            yield entry
            known, token, previous = True, max(token, entry.token), entry.digest

    def _names(self, listed: Sequence[str] | None = None) -> list[str]:
        names = sorted(self._objects.names(self._folder) if listed is None else listed)
        for number, name in enumerate(names, start=1):
            if name != (wanted := object_names.journal_entry(self._folder, number)):
                raise Corrupt(f"{wanted}: is missing, and {name} is there")
        return names

    def _read(self, name: str, number: int) -> Entry:
        entry = Entry.parse(self._objects.get(name), name)
        if entry.number != number:
            raise Corrupt(f"{name}: the entry of another number")
        return entry


def write_once(objects: ObjectStore, name: str, document: Document, lease: Lease) -> None:
    """Writes what only the holder of the lease may write, and nobody twice.

    Raises:
        LeaseLost: it is not ours any more, or somebody else wrote there; that is not replaced
            where the store is ``conditional``, and said in any case.
    """
    lease.check()
    try:
        objects.put_new(name, document)
    except ObjectExists as error:
        raise LeaseLost(f"{error}; the lease on {lease.kind} {lease.name} was lost") from None
    if not objects.conditional:
        lease.check()  # a writer that slept since the first check may have replaced another's
