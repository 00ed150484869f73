"""Can a small classifier still tell the subject from everybody else?

Probes on frozen features (Alain and Bengio 2016, arXiv 1610.01644), as used to judge unlearning
(Kim, Cha and Kim 2025, arXiv 2503.06991; Gao et al. 2026, arXiv 2604.08271): one linear, one with
a small hidden layer, on the templates and on the features before the last linear layer. A probe is
trained on half of the held-out photos against half of the benchmark people, and tested on the
other halves, both ways round, over several random splits.

A probe learns to tell *anybody* apart whom the features describe, whether or not the network was
trained on them. So beside the subject's figures stand those of benchmark people who play the
subject, with as many photos: at their level, the new version describes the subject as well as it
describes anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from workers.certification.attacks.pooled import NO_LAYER
from workers.certification.evidence import SubjectTemplates
from workers.certification.figures import Figure, missing, proportion
from workers.certification.intervals import Floats, ratio_replicates
from workers.certification.retained import Benchmark
from workers.certification.templates import People, Templates, Versions
from workers.certification.thresholds import Threshold, fewest

Rows = NDArray[np.intp]

FPR = 1e-2  # share of test strangers' photos that may be taken for the subject
SPLITS = 2  # each into halves that are used both ways round: 4 fits a figure
STRANGERS = 5  # benchmark people who play the subject
OTHERS = 1000  # photos of other people at most, to keep a fit within a tenth of a second
PROBES = ("linear", "mlp")
FEATURES = {"templates": "templates", "pooled": "features before the last linear layer"}
TITLES = {
    f"probe_{probe}_{features}_tpr{version}": title
    for (probe, kind), (features, on) in product(
        {"linear": "a linear", "mlp": "a small non-linear"}.items(), FEATURES.items()
    )
    for version, title in (
        ("", f"TPR (FPR 1e-2) of {kind} probe for the subject on {on}"),
        ("_before", f"TPR of {kind} probe for the subject on {on}, old version"),
        ("_stranger", f"TPR of {kind} probe for a benchmark person on {on}"),
    )
}


def figures(subject: SubjectTemplates, benchmark: Benchmark) -> dict[str, Figure]:
    """All of ``TITLES``."""
    seed = benchmark.seed
    kinds: dict[str, tuple[Versions | None, tuple[People, People] | None]] = {
        "templates": (subject.held_out, (benchmark.old, benchmark.new)),
        "pooled": (subject.pooled, benchmark.pooled),
    }
    found: dict[str, Figure] = {}
    for probe, (features, (own, people)) in product(PROBES, kinds.items()):
        name = f"probe_{probe}_{features}_tpr"
        if own is None or people is None:
            found |= {of: missing(NO_LAYER) for of in (name, f"{name}_before", f"{name}_stranger")}
            continue
        old, new = people
        with threadpool_limits(1):  # matrices so small take ten times as long on two threads
            found[name] = _of_subject(probe, own.new, new, seed)
            found[f"{name}_before"] = _of_subject(probe, own.old, old, seed)
            found[f"{name}_stranger"] = _of_strangers(probe, len(own), new, seed)
    return found


def _of_subject(probe: str, own: Templates, others: People, seed: int) -> Figure:
    sample = _sample(len(own), others)
    if reason := _unable(len(own), others):
        return missing(reason, **sample)
    rates = hits(probe, own, others, seed)
    replicates = ratio_replicates(rates, np.ones(len(rates)), seed)
    return proportion(rates.mean(), replicates, len(rates), sample)


def _of_strangers(probe: str, photos: int, people: People, seed: int) -> Figure:
    """The mean of benchmark people, each with ``photos`` photos against all the others."""
    rng = np.random.default_rng(seed)
    rates = []
    for person in rng.permutation(np.flatnonzero(people.sizes >= photos))[:STRANGERS]:
        others = people.select([other for other in range(len(people)) if other != person])
        own = people[person][np.sort(rng.permutation(len(people[person]))[:photos])]
        if reason := _unable(photos, others):
            return missing(reason, **_sample(photos, others))
        rates.append(hits(probe, own, others, seed).mean())
    sample = {**_sample(photos, people), "people": len(rates)}
    if not rates:
        reason = f"nobody in the benchmark has {photos} photos, as many as are held out"
        return missing(reason, **sample)
    means = np.array(rates)
    replicates = ratio_replicates(means, np.ones(len(means)), seed)
    return proportion(means.mean(), replicates, len(means), sample)


def _sample(photos: int, others: People) -> dict[str, int]:
    return {
        "photos": photos,
        "people": len(others),
        "non_mated": min(len(others.templates), OTHERS),
    }


def _unable(photos: int, others: People) -> str | None:
    """Why no probe can be trained and tested; None where one can."""
    trials = min(len(others.templates), OTHERS)
    if photos < 2:
        return f"{photos} held-out photo; to train and to test takes two"
    if len(others) < 2:
        return f"{len(others)} other people; to train and to test takes two"
    return Threshold(FPR, None, trials).reason if trials < fewest(FPR) else None


def hits(probe: str, own: Templates, others: People, seed: int) -> Floats:
    """(n, D) photos of one person → (n,) share of splits in which a probe tells each apart.

    The score from which a probe does is set on the test strangers of its split: at most 1e-2 of
    their photos reach it.
    """
    from workers.certification.attacks.classifiers import CLASSIFIERS

    found = np.zeros(len(own))
    for split, (train, test) in enumerate(_halves(len(own), others, seed)):
        (own_train, train_rows), (own_test, test_rows) = train, test
        features = np.concatenate([own[own_train], others.templates[train_rows]])
        labels = np.arange(len(features)) < len(own_train)
        fitted = CLASSIFIERS[probe](seed + split).fit(features.astype(np.float64), labels)
        strangers = np.sort(_scores(fitted, others.templates[test_rows]))[::-1]
        highest_allowed = strangers[floor(FPR * len(strangers) + 1e-9)]
        found[own_test] += _scores(fitted, own[own_test]) > highest_allowed
    return found / SPLITS


Half = tuple[Rows, Rows]  # the person's photos, rows of other people


def _halves(photos: int, others: People, seed: int) -> Iterator[tuple[Half, Half]]:
    """What to train on and what to test on: no photo and none of the others is in both."""
    rng = np.random.default_rng(seed)
    for _ in range(SPLITS):
        order, people = rng.permutation(photos), rng.permutation(len(others))
        rows = drawn(others, rng)
        is_first = np.isin(others.owners[rows], people[: len(people) // 2])
        first: Half = (order[: photos // 2], rows[is_first])
        second: Half = (order[photos // 2 :], rows[~is_first])
        yield first, second
        yield second, first


def drawn(others: People, rng: np.random.Generator) -> Rows:
    """At most ``OTHERS`` rows: one photo of everybody before a second of anybody."""
    shuffled = rng.permutation(len(others.templates))
    by_person = shuffled[np.argsort(others.owners[shuffled], kind="stable")]
    turn = np.arange(len(by_person)) - others.starts[others.owners]
    return np.sort(by_person[np.argsort(turn + rng.random(len(turn)))[:OTHERS]])


def _scores(fitted: Any, features: Templates) -> Floats:
    found: Floats = fitted.predict_proba(features.astype(np.float64))[:, 1]
    return found
