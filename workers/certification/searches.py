"""1:N searches (ISO/IEC 19795-1; NIST FRTE 1:N): the best score of each probe in a gallery.

A person in the gallery is either all of their templates, of which the nearest counts, or one
centroid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.certification.comparisons import SCORES_AT_ONCE
from workers.certification.search import Ranges, search
from workers.certification.templates import Counts, People, Scores, Templates
from workers.certification.thresholds import Threshold, at_fpir

Indices = NDArray[np.intp]
# (N, D) gallery, (M, D) probes, what each is not compared with → (M,) best scores; None: not taken
Searcher = Callable[[Templates, Templates, Ranges], Scores | None]
_elsewhere: ContextVar[Searcher | None] = ContextVar("elsewhere", default=None)


@contextmanager
def searched_by(searcher: Searcher) -> Iterator[None]:
    """Searches of benchmark people among themselves are offered to ``searcher`` in here.

    No others: a subject's templates are shown to nobody.
    """
    token = _elsewhere.set(searcher)
    try:
        yield
    finally:
        _elsewhere.reset(token)


def best_scores(gallery: Templates, probes: Templates) -> Scores:
    """(M, D) probes → (M,) score of the nearest template; −inf in an empty gallery."""
    return search(gallery, probes).scores[:, 0]


def non_mated_searches(gallery: People, probes: People) -> Scores:
    """Each photo searched among the other people, its own person removed: (N,) best scores.

    The people of ``gallery`` and ``probes`` are the same, in the same order.
    """
    own = np.stack([gallery.starts[probes.owners], gallery.starts[probes.owners + 1]], axis=1)
    elsewhere = _elsewhere.get()
    found = elsewhere(gallery.templates, probes.templates, own) if elsewhere else None
    if found is not None:
        return found
    return search(gallery.templates, probes.templates, without=own).scores[:, 0]


def own_best(people: People) -> Scores:
    """(N,): each photo's best score among the other photos of its person; −inf if it is alone."""
    found = []
    for person in range(len(people)):
        scores = people[person] @ people[person].T
        np.fill_diagonal(scores, -np.inf)
        found.append(scores.max(axis=1))
    return np.concatenate(found)


def person_scores(gallery: People, probes: Templates) -> Scores:
    """(M, D) probes → (M, P) score of the nearest template of each person."""
    found = np.empty((len(probes), len(gallery)), dtype=np.float32)
    height = max(1, SCORES_AT_ONCE // max(1, len(gallery.templates)))
    for start in range(0, len(probes), height):
        scores = probes[start : start + height] @ gallery.templates.T
        np.maximum.reduceat(scores, gallery.starts[:-1], axis=1, out=found[start : start + height])
    return found


@dataclass(frozen=True)
class OpenSet:
    """People searched among themselves, each enrolled with one half of their photos.

    Identified are the mated searches that find the person first, with a score that reaches the
    threshold at FPIR 1e-2.
    """

    identified: Counts | None  # (P,); None where there are too few non-mated searches
    searches: Counts  # (P,) mated ones: each photo of those who have at least two
    threshold: Threshold  # of the first half enrolled; it differs by the photos enrolled


def open_set(people: People, seed: int) -> OpenSet:
    """One half of everybody's photos enrolled, then the other, ties counting for the person.

    Non-mated searches are those of all photos with their own person removed from the gallery. A
    single photo is enrolled with both halves.
    """
    first, alone = _first_halves(people, seed), (people.sizes == 1)[people.owners]
    identified, thresholds = np.zeros(len(people), dtype=np.int64), []
    for enrolled in (first | alone, ~first):
        sizes = np.bincount(people.owners[enrolled], minlength=len(people)).astype(np.int64)
        gallery = People(people.names, people.templates[enrolled], sizes)
        non_mated = non_mated_searches(gallery, people)
        thresholds.append(at_fpir(non_mated))
        value = thresholds[-1].value
        if value is not None:
            mated = [best_scores(gallery[i], people[i]) for i in range(len(people))]
            reached = np.concatenate(mated) >= np.maximum(non_mated, np.float32(value))
            found = people.owners[reached & ~enrolled]
            identified += np.bincount(found, minlength=len(people))
    searches = np.where(people.sizes > 1, people.sizes, 0)
    known = thresholds[0].value is not None
    return OpenSet(identified if known else None, searches, thresholds[0])


def _first_halves(people: People, seed: int) -> NDArray[np.bool_]:
    """(N,): half of each person's photos, drawn; rounded down."""
    first = np.zeros(len(people.owners), dtype=bool)
    first[draw(people, people.sizes // 2, np.random.default_rng(seed))] = True
    return first


def draw(people: People, sizes: Counts, rng: np.random.Generator) -> Indices:
    """(P,) how many photos of each person → their rows, drawn without replacement."""
    shuffled = np.lexsort((rng.random(len(people.owners)), people.owners))  # within each person
    place = np.arange(len(shuffled)) - people.starts[people.owners]
    return shuffled[place < sizes[people.owners]]
