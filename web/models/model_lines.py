"""A model's versions as pages show them: the chain, and what each version forgot and kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from storage.models.deletion import Deletion
from storage.models.lineage import Lineage, made_by
from storage.models.versions import Version
from storage.tickets.states import State
from storage.tickets.ticket import Ticket


@dataclass(frozen=True)
class Made:
    """A ticket that made a version; ``ticket`` is None where the index lacks it."""

    id: str
    ticket: Ticket | None

    @property
    def name(self) -> str:
        """The subject's reference, or the ticket's id where that is not known."""
        return self.ticket.subject if self.ticket else self.id

    @property
    def certified(self) -> bool:
        return self.ticket is not None and self.ticket.state is State.COMPLETED

    def figure(self, key: str) -> float | None:
        """A number of the ticket's headline."""
        headline = self.ticket.result.get("headline") if self.ticket else None
        value = headline.get(key) if isinstance(headline, Mapping) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value)


@dataclass(frozen=True)
class Link:
    """A version in the chain, and whether it hangs on the version that it names."""

    version: Version
    parent: int | None  # the parent's number; None for an import, or where it is not known
    torn: bool  # names a parent that the line lacks
    aliases: tuple[str, ...]
    made: tuple[Made, ...]
    deletion: Deletion | None
    forgotten: int  # people, by this version and those it was made from

    @property
    def verdict(self) -> Ticket | None:
        """A ticket with the version's verdict: one that is not passed before one that is."""
        judged = [item.ticket for item in self.made if item.ticket and _verdict(item.ticket)]
        return next((one for one in judged if _verdict(one) != "passed"), next(iter(judged), None))


def chain(
    lineage: Lineage,
    numbers: Iterable[int],
    aliases: Mapping[str, int],
    deletions: Mapping[int, Deletion | None],
) -> list[Link]:
    """The versions of these numbers, in their order."""
    return [
        Link(
            version=lineage.versions[number],
            parent=lineage.parent(number),
            torn=lineage.torn(number),
            aliases=tuple(alias for alias, pointed in aliases.items() if pointed == number),
            made=made(lineage, made_by(lineage.versions[number])),
            deletion=deletions.get(number),
            forgotten=lineage.subjects(lineage.forgets(number)),
        )
        for number in numbers
    ]


def made(lineage: Lineage, tickets: Iterable[str]) -> tuple[Made, ...]:
    return tuple(Made(ticket, lineage.tickets.get(ticket)) for ticket in tickets)


def worst(made: Sequence[Made], key: str, *, highest: bool) -> float | None:
    """The worst figure of several subjects: the highest, or the lowest."""
    found = [value for item in made if (value := item.figure(key)) is not None]
    if not found:
        return None
    return max(found) if highest else min(found)


def benchmark_tmr(lineage: Lineage, number: int) -> float | None:
    """TMR of the benchmark people by the version; of an import as the first run after it saw it."""
    own = made(lineage, made_by(lineage.versions[number]))
    if own:
        return worst(own, "benchmark_tmr_after", highest=False)
    for other in lineage.versions:
        if lineage.parent(other) == number:
            after = made(lineage, made_by(lineage.versions[other]))
            if (found := worst(after, "benchmark_tmr_before", highest=True)) is not None:
                return found
    return None


def _verdict(ticket: Ticket) -> object:
    return ticket.result.get("verdict")
