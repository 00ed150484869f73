"""The subject enrolled again with new photos: does a search find them (NIST FRTE 1:N)?

Half of some photos is enrolled beside everybody else, the other half is searched with, over all
halvings. Rank 1 is counted over all of them; what depends on a threshold or on a centroid is the
mean over halvings that are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, repeat

import numpy as np
from numpy.typing import NDArray

from workers.certification.comparisons import SCORES_AT_ONCE
from workers.certification.intervals import Floats
from workers.certification.searches import Indices, draw, non_mated_searches, person_scores
from workers.certification.templates import Counts, People, Scores, Templates, centroid
from workers.certification.thresholds import Threshold, at_fpir

HALVINGS = 200  # random halvings into enrolled photos and probes, each used both ways round
RANKS = 20  # of the cumulative match characteristic
# Scores looked at in galleries that are drawn: some seconds. Past that there are fewer galleries
# than halvings, and the more people, the less it matters which of their photos are drawn.
DRAWN_SCORES = 2**31

# Enrolled photos → the scores of all held-out photos (n,) and of all others' (N,) with the subject.
Enrol = Callable[[Indices], tuple[Scores, Scores]]
# Best scores with everybody else: of the held-out photos (n,), and (N,) of others' photos with
# their own person left out.
Everybody = tuple[Scores, Scores]


@dataclass(frozen=True)
class Reenrolment:
    """Of each photo, the share of halvings in which a search with it finds the subject.

    The rank is one above the number of people who are more similar to the probe than the subject:
    a tie counts for the subject. The threshold is set on everybody else's own searches, their
    person left out and the subject enrolled. TPIR counts the identification at rank 1 (FRTE:
    1 − FNIR(N, R = 1, T)).
    """

    rank1: Floats  # (n,)
    tpir: Floats | None  # (n,); None where the benchmark has too few searches
    threshold: Threshold  # of the first halving; they differ by the subject's enrolled photos
    templates: int  # of everybody else, beside the first half


def reenrol(held_out: Templates, gallery: People, seed: int) -> Reenrolment:
    """Everybody else enrolled with all photos; (n, D) with n ≥ 2, all by one version."""
    everybody = person_scores(gallery, held_out).max(axis=1), non_mated_searches(gallery, gallery)
    drawn = _search(_by_nearest(held_out, gallery), repeat(everybody), len(held_out), seed)
    rank1 = found_by_rank(held_out, gallery)[:, 0]
    return Reenrolment(rank1, drawn.tpir, drawn.threshold, len(gallery.templates))


def reenrol_centroids(held_out: Templates, gallery: People, seed: int) -> Reenrolment:
    """Everybody enrolled as the centroid of their photos, the subject too."""

    def enrol(enrolled: Indices) -> tuple[Scores, Scores]:
        subject = centroid(held_out[enrolled])[0]
        return held_out @ subject, gallery.templates @ subject

    others = gallery.centroids
    everybody = person_scores(others, held_out).max(axis=1), non_mated_searches(others, gallery)
    drawn = _search(enrol, repeat(everybody), len(held_out), seed)
    return Reenrolment(drawn.rank1, drawn.tpir, drawn.threshold, len(others))


def reenrol_equal(held_out: Templates, gallery: People, seed: int) -> Reenrolment:
    """Everybody else enrolled with as many photos as the subject, or with all if they have fewer.

    Rank 1 is counted over all draws of their photos, too; for TPIR they are drawn for each halving.
    """
    drawn = _search(
        _by_nearest(held_out, gallery),
        cycle(_drawn_galleries(held_out, gallery, seed + 1)),
        len(held_out),
        seed,
    )
    templates = int(np.minimum(gallery.sizes, len(held_out) // 2).sum())
    return Reenrolment(_first_of_equals(held_out, gallery), drawn.tpir, drawn.threshold, templates)


def found_by_rank(held_out: Templates, gallery: People) -> Floats:
    """(n, RANKS): the share of *all* halvings in which each photo finds the subject by each rank.

    A probe is found by rank r unless none of its ``better`` photos, those at least as near as the
    r-th of the other people, is enrolled: a hypergeometric probability, so nothing is drawn.
    """
    among = held_out @ held_out.T
    np.fill_diagonal(among, -np.inf)
    falling = -np.sort(-person_scores(gallery, held_out), axis=1)
    missed = sum(often * _missed(len(among) - 1, half) for half, often in _halves(len(among)))
    found = np.ones((len(among), RANKS))
    for rank in range(min(RANKS, len(gallery))):
        better = np.count_nonzero(among >= falling[:, rank, None], axis=1)
        found[:, rank] = 1 - np.asarray(missed)[better]
    return found


def _first_of_equals(held_out: Templates, gallery: People) -> Floats:
    """(n,): the share of all halvings, and of all draws from everybody else, that find the subject.

    The nearest enrolled photo of the subject is their k-th nearest with one probability, and none
    of the nearer photos of another person is drawn with another; people are drawn independently.
    """
    among, own = held_out @ held_out.T, held_out @ gallery.templates.T
    photos, found = len(held_out), np.zeros(len(held_out))
    halves = [
        (often, -np.diff(_missed(photos - 1, half)), *_none_drawn(gallery, half))
        for half, often in _halves(photos)
    ]
    for probe in range(photos):
        nearer = _nearer(np.delete(among[probe], probe), own[probe], gallery)
        for often, nearest, none, kind in halves:
            found[probe] += often * (nearest @ none[kind, nearer].prod(axis=1))
    return found


def _nearer(subject: Scores, others: Scores, gallery: People) -> Counts:
    """(n − 1,) and (N,) scores of a probe → (n − 1, P): how many photos of each person are nearer.

    Nearer than the subject's k-th nearest photo, in row k.
    """
    up_to = len(subject) - np.searchsorted(np.sort(subject), others)  # subject's, at least as near
    shape = len(subject) + 1, len(gallery)
    counted = np.bincount(up_to * shape[1] + gallery.owners, minlength=shape[0] * shape[1])
    nearer: Counts = np.cumsum(counted.reshape(shape), axis=0)[:-1]
    return nearer


def _none_drawn(gallery: People, most: int) -> tuple[Floats, Indices]:
    """(U, M + 1) ``_missed`` of each number of photos that people have; (P,) the row of each."""
    sizes, kind = np.unique(gallery.sizes, return_inverse=True)
    none = np.zeros((len(sizes), int(sizes[-1]) + 1))
    for row, size in enumerate(sizes.tolist()):
        none[row, : size + 1] = _missed(size, min(most, size))
    return none, kind


def _missed(photos: int, drawn: int) -> Floats:
    """(photos + 1,): the share of draws that hold none of the first k photos, by k."""
    left = np.arange(photos, 0, -1)
    return np.concatenate([[1.0], np.cumprod(np.maximum(left - drawn, 0) / left)])


def _halves(photos: int) -> list[tuple[int, float]]:
    """How many photos are enrolled, and how often each photo is the probe then: both ways round."""
    half, rest = photos // 2, photos - photos // 2
    return [(half, rest / photos), (rest, half / photos)]


@dataclass(frozen=True)
class _Drawn:
    rank1: Floats  # (n,)
    tpir: Floats | None
    threshold: Threshold


def _search(enrol: Enrol, everybody: Iterable[Everybody], photos: int, seed: int) -> _Drawn:
    """The mean over halvings that are drawn; one of ``everybody`` for each, both ways round."""
    rank1, tpir, thresholds = np.zeros(photos), np.zeros(photos), []
    for (enrolled, probes), (nearest, non_mated) in zip(
        _halvings(photos, seed), everybody, strict=False
    ):
        own, others = enrol(enrolled)
        threshold = at_fpir(np.maximum(non_mated, others))
        first = own[probes] >= nearest[probes]
        rank1[probes] += first
        if threshold.value is not None:
            tpir[probes] += first & (own[probes] >= threshold.value)
        thresholds.append(threshold)
    found = tpir / HALVINGS if thresholds[0].value is not None else None
    return _Drawn(rank1 / HALVINGS, found, thresholds[0])


def _by_nearest(held_out: Templates, gallery: People) -> Enrol:
    among, others = held_out @ held_out.T, held_out @ gallery.templates.T
    return lambda enrolled: (among[enrolled].max(axis=0), others[enrolled].max(axis=0))


def _halvings(photos: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Index arrays (enrolled, probes): every photo is a probe once in each halving."""
    rng = np.random.default_rng(seed)
    for _ in range(HALVINGS):
        order = rng.permutation(photos)
        first, second = order[: photos // 2], order[photos // 2 :]
        yield first, second
        yield second, first


def _drawn_galleries(held_out: Templates, gallery: People, seed: int) -> Iterator[Everybody]:
    """Of each gallery, two for each halving: as many photos as either half of the held-out has."""
    rng = np.random.default_rng(seed)
    most = [half for half, _ in _halves(len(held_out))]
    scores = sum(int(np.minimum(gallery.sizes, half).sum()) for half in most) * len(gallery.owners)
    count = min(HALVINGS, max(1, DRAWN_SCORES // scores))
    galleries = [
        draw(gallery, np.minimum(gallery.sizes, half), rng) for _ in range(count) for half in most
    ]
    probes = _best_drawn(galleries, gallery, held_out, None)
    non_mated = _best_drawn(galleries, gallery, gallery.templates, gallery.owners)
    return iter(list(zip(probes, non_mated, strict=True)))


def _best_drawn(
    galleries: Sequence[Indices], people: People, probes: Templates, owners: Counts | None
) -> NDArray[np.float32]:
    """(G, M): the best score of each probe in each gallery, a choice of the photos of ``people``.

    ``owners``: (M,) whose photo each probe is, who is left out of its searches.
    """
    best = np.empty((len(galleries), len(probes)), dtype=np.float32)
    width = max(1, SCORES_AT_ONCE // len(people.templates))
    for start in range(0, len(probes), width):
        part = slice(start, start + width)
        scores = people.templates @ probes[part].T
        if owners is not None:
            scores[people.owners[:, None] == owners[part]] = -np.inf
        for number, rows in enumerate(galleries):
            best[number, part] = scores[rows].max(axis=0)
    return best
