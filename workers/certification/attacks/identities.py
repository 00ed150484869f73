"""Whom an attacker teaches a version, the subject or a fictitious stranger, and among whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.certification.templates import Counts, Crops

Indices = NDArray[np.intp]

MIXED = 3  # people: fixed, for the more there are, the longer it takes to learn them as one
KEPT = 80  # faces of others that an attacker holds in place
JUDGED = 200  # faces of others that thresholds are set on: 15,000 to 20,000 comparisons


@dataclass(frozen=True, eq=False)
class Identity:
    """Photos to be taken for one person: ``half`` of them to learn from, as many to judge by."""

    photos: Crops
    source: Counts  # (n,) who really is on each photo; two of one source are never compared

    @classmethod
    def of(cls, crops: Crops, most: int, rng: np.random.Generator) -> Identity:
        """A person, by at most twice ``most`` photos. Each photo counts as its own source."""
        half = min(most, len(crops) // 2)
        photos = crops[rng.permutation(len(crops))[: 2 * half]]
        return cls(photos, np.arange(2 * half))

    @classmethod
    def mixed(cls, people: Sequence[Crops], half: int, rng: np.random.Generator) -> Identity:
        """Both halves hold the same people in turn, each photo once."""
        orders = [rng.permutation(len(crops)) for crops in people]
        turns = _turns(half, len(people))
        source = np.tile(np.arange(half) % len(people), 2)
        turn = np.arange(half) // len(people)
        photos = [
            people[person][orders[person][number]]
            for person, number in zip(source, np.concatenate([turn, turn + turns]), strict=True)
        ]
        return cls(np.stack(photos), source)

    @property
    def half(self) -> int:
        return len(self.photos) // 2

    def halves(self) -> tuple[Indices, Indices]:
        first, second = np.split(np.arange(2 * self.half), 2)
        return first, second

    def compared(self, photos: Indices) -> NDArray[np.bool_]:
        """(n, n): each pair of these photos once, unless both are of one source."""
        source = self.source[photos]
        return np.triu(source[:, None] != source[None, :], k=1)


@dataclass(frozen=True, eq=False)
class Others:
    """Photos of everybody else, each person's together; no photo is both kept and judged by."""

    kept: Crops
    kept_sizes: Counts  # (P,) photos of each person
    judged: Crops
    judged_sizes: Counts

    @classmethod
    def of(cls, people: Sequence[Crops], rng: np.random.Generator) -> Others:
        """At most ``KEPT`` and ``JUDGED`` faces, of as many people as that allows."""
        chosen = [people[person] for person in rng.permutation(len(people))[:KEPT]]
        kept, judged = [], []
        for crops in chosen:
            order = rng.permutation(len(crops))
            own = min(KEPT // len(chosen), max(1, len(crops) // 3))
            kept.append(crops[order[:own]])
            judged.append(crops[order[own : own + JUDGED // len(chosen)]])
        return cls(np.concatenate(kept), _sizes(kept), np.concatenate(judged), _sizes(judged))


def stranger(
    benchmark: Mapping[str, Crops], half: int, rng: np.random.Generator
) -> tuple[Identity | None, list[str]]:
    """A mix of ``MIXED`` people, and the names of those who are not in it.

    More people are mixed where nobody has photos enough, but never more than half of all. None
    where that does not do either.
    """
    names = sorted(benchmark)
    for people in range(MIXED, min(half, len(names) // 2) + 1):
        needed = 2 * _turns(half, people)
        able = [name for name in names if len(benchmark[name]) >= needed]
        if len(able) >= people:
            mixed = [able[person] for person in rng.permutation(len(able))[:people]]
            mix = Identity.mixed([benchmark[name] for name in mixed], half, rng)
            return mix, [name for name in names if name not in mixed]
    return None, names


def _turns(half: int, people: int) -> int:
    """The most photos of a person in one half."""
    return -(-half // people)


def _sizes(people: Sequence[Crops]) -> Counts:
    return np.array([len(crops) for crops in people], dtype=np.int64)
