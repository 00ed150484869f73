"""k-shot prototype relearning: is the mean of a few new photos enough to know the subject again?

A prototype is the mean template of k photos (Snell et al. 2017, arXiv 1703.05175); as an attack on
unlearning: the prototypical relearning attack of Ha, Park and Yoon 2025 (arXiv 2506.01318).
Whoever has k new photos of the subject enrols their centroid and compares the other held-out photos
with it. Averaging takes out what differs between photos, so the attacker's threshold is one of
prototypes: at FMR 1e-3 of other people's k-photo prototypes against photos of yet other people.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

import numpy as np
from numpy.typing import NDArray

from workers.certification.comparisons import SCORES_AT_ONCE
from workers.certification.evidence import SubjectTemplates
from workers.certification.figures import Figure, missing, proportion
from workers.certification.intervals import pair_replicates
from workers.certification.retained import Benchmark
from workers.certification.templates import People, Scores, Templates, centroid
from workers.certification.thresholds import Threshold, fewest, lowest_threshold

Indices = NDArray[np.intp]

SHOTS = (1, 5, 10)
FMR = 1e-3
DRAWS = 20  # random partitions of the held-out photos into groups of k, each group a prototype

TITLES = {
    f"prototype_tmr_{shots}{version}": title
    for shots in SHOTS
    for version, title in (
        ("", f"TMR (FMR 1e-3) of held-out photos against a prototype of {shots} others"),
        ("_before", f"TMR against a prototype of {shots} held-out photos, old version"),
    )
}


def figures(subject: SubjectTemplates, benchmark: Benchmark) -> dict[str, Figure]:
    """All of ``TITLES``."""
    versions = (
        ("", subject.held_out.new, benchmark.new, benchmark.recalibrated[FMR]),
        ("_before", subject.held_out.old, benchmark.old, benchmark.thresholds[FMR]),
    )
    photos, found = len(subject.held_out), {}
    for shots in SHOTS:
        for version, templates, people, of_photos in versions:
            name = f"prototype_tmr_{shots}{version}"
            if photos <= shots:
                reason = f"{photos} held-out photos; to enrol {shots} and to probe takes more"
                found[name] = missing(reason, photos=photos)
                continue
            seed = benchmark.seed
            threshold = of_photos if shots == 1 else at_prototypes(people, shots, seed)
            found[name] = _tmr(templates, shots, threshold, seed)
    return found


def _tmr(held_out: Templates, shots: int, threshold: Threshold, seed: int) -> Figure:
    """Of held-out photos, (n, D), against prototypes of ``shots`` others of them."""
    photos = len(held_out)
    sample = {"photos": photos, "non_mated": threshold.trials}
    if threshold.value is None:
        return missing(f"no threshold for prototypes of {shots}: {threshold.reason}", **sample)
    matched, compared = np.zeros((photos, photos)), np.zeros((photos, photos))
    for enrolled in _groups(photos, shots, np.random.default_rng(seed), DRAWS):
        probes = np.setdiff1d(np.arange(photos), enrolled)
        hits = held_out[probes] @ centroid(held_out[enrolled])[0] >= threshold.value
        matched[np.ix_(probes, enrolled)] += hits[:, None]
        compared[np.ix_(probes, enrolled)] += 1
    # A drawn photo weighs as a probe and as one k-th of the prototypes that it is in.
    replicates = pair_replicates(matched, compared, seed)
    return proportion(matched.sum() / compared.sum(), replicates, photos, sample)


def at_prototypes(people: People, shots: int, seed: int) -> Threshold:
    """At FMR 1e-3 of every person's prototypes against the photos of all others.

    A person's prototypes have no photo in common.
    """
    prototypes = prototypes_of(people, shots, seed)
    trials = int((prototypes.sizes * (len(people.templates) - people.sizes)).sum())
    if trials < fewest(FMR):
        return Threshold(FMR, None, trials)
    scores = _highest(prototypes, people, floor(FMR * trials + 1e-9) + 1)
    return Threshold(FMR, lowest_threshold(scores, trials, FMR), trials)


def prototypes_of(people: People, shots: int, seed: int) -> People:
    """The same people, in the same order, by their prototypes; some may have none."""
    rng = np.random.default_rng(seed)
    made = [
        [centroid(people[person][group]) for group in _groups(size, shots, rng)]
        for person, size in enumerate(people.sizes)
    ]
    none = np.empty((0, people.templates.shape[1]), dtype=people.templates.dtype)
    return People.of(
        {name: np.concatenate([none, *own]) for name, own in zip(people.names, made, strict=True)}
    )


def _groups(photos: int, shots: int, rng: np.random.Generator, draws: int = 1) -> Iterator[Indices]:
    """Random groups of ``shots`` photos, those of one draw without a photo in common."""
    for _ in range(draws):
        order = rng.permutation(photos)
        for start in range(0, photos - shots + 1, shots):
            yield order[start : start + shots]


def _highest(prototypes: People, people: People, count: int) -> Scores:
    """The ``count`` highest scores of prototypes against photos of other people, falling."""
    kept = np.empty(0, dtype=np.float32)
    for person in range(len(prototypes)):
        own = prototypes[person]
        width = max(1, SCORES_AT_ONCE // max(1, len(own)))
        others = np.flatnonzero(people.owners != person)
        for start in range(0, len(others), width):
            scores = own @ people.templates[others[start : start + width]].T
            kept = np.concatenate([kept, scores.ravel()])
            if len(kept) > count:
                kept = np.partition(kept, len(kept) - count)[-count:]
    return np.sort(kept)[::-1]
