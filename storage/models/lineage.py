"""The line of a model's versions: which was made from which, and whom each of them forgets."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from storage import keys
from storage.models.versions import Version
from storage.record import Record
from storage.tickets.ticket import Ticket

FRESH_SECONDS = 3600  # then manifests are read from the record again


@dataclass(frozen=True)
class Lineage:
    """What was read of a model's line; ``whole`` where that is all of it."""

    numbers: tuple[int, ...]  # of all versions, rising
    deleted: frozenset[int]
    versions: Mapping[int, Version]  # those that were read
    tickets: Mapping[str, Ticket]  # that made them, as far as the index has them

    @property
    def whole(self) -> bool:
        return len(self.versions) == len(self.numbers)

    @cached_property
    def _by_digest(self) -> dict[str, int]:
        return {version.digest: number for number, version in self.versions.items()}

    def parent(self, number: int) -> int | None:
        """None for an import, or where the parent was not read."""
        return self._by_digest.get(self.versions[number].parent or "")

    def torn(self, number: int) -> bool:
        """Whether the version names a parent that the line does not have."""
        return self.whole and self.versions[number].parent is not None and not self.parent(number)

    def back(self, number: int) -> list[int]:
        """From the version to its import, or as far as was read."""
        found: dict[int, None] = {}  # in their order; a line that bites its tail ends there
        following: int | None = number
        while following is not None and following in self.versions and following not in found:
            found[following] = None
            following = self.parent(following)
        return list(found)

    def forgets(self, number: int) -> list[str]:
        """The tickets that made the version and those that it was made from, the latest first."""
        return [ticket for other in self.back(number) for ticket in made_by(self.versions[other])]

    def recognised_again(self, number: int, instead_of: int) -> list[str]:
        """The tickets whose subjects ``instead_of`` forgets and ``number`` does not."""
        kept = set(self.forgets(number))
        return [ticket for ticket in self.forgets(instead_of) if ticket not in kept]

    def subjects(self, tickets: Iterable[str]) -> int:
        """How many people the tickets are about: one may have two."""
        return len({_subject(ticket, self.tickets.get(ticket)) for ticket in tickets})


def made_by(version: Version) -> list[str]:
    """The tickets of the run that made the version; none for an import."""
    return version.tickets


def read(
    record: Record,
    model: str,
    needed: Callable[[Sequence[int]], Collection[int]] = lambda _: (),
    most: int | None = None,
) -> Lineage:
    """A model's line.

    Args:
        needed: of the numbers of all versions, rising, those that are read in any case.
        most: other versions, the newest first, of which Redis has no manifest are read from the
            record so many; the rest is left out. None: all are read.

    Raises:
        Corrupt: a manifest is none.
    """
    numbers, deleted = record.models.listed(model)
    kept = _kept(record, model, numbers)
    missing = [number for number in reversed(numbers) if number not in kept]
    first = [number for number in needed(numbers) if number not in kept]
    others = islice((number for number in missing if number not in first), most)
    fresh = {number: record.models.version(model, number) for number in (*first, *others)}
    _keep(record, model, fresh.values())
    versions = dict(sorted((kept | fresh).items()))
    ids = [ticket for version in versions.values() for ticket in made_by(version)]
    tickets = {ticket.id: ticket for ticket in record.tickets.index.tickets(ids) if ticket}
    return Lineage(tuple(numbers), frozenset(deleted), versions, tickets)


def _kept(record: Record, model: str, numbers: Sequence[int]) -> dict[int, Version]:
    if not numbers:
        return {}
    found = record.redis.hmget(keys.manifests(model), [str(number) for number in numbers])
    parsed = (Version(**json.loads(str(manifest))) for manifest in found if manifest)
    return {version.number: version for version in parsed}


def _keep(record: Record, model: str, versions: Iterable[Version]) -> None:
    """A manifest never changes; all the same it is not believed for longer than a line is."""
    found: dict[Any, Any] = {
        str(version.number): json.dumps(asdict(version)) for version in versions
    }
    if not found:
        return
    pipe = record.redis.pipeline(transaction=True)
    pipe.hset(keys.manifests(model), mapping=found)
    pipe.ttl(keys.manifests(model))
    if pipe.execute()[1] < 0:  # it began just now
        record.redis.expire(keys.manifests(model), FRESH_SECONDS)


def _subject(ticket: str, found: Ticket | None) -> str:
    return found.subject if found else ticket
