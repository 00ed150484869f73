"""Relearning: how many steps of training until the subject is recognised again?

Whoever has the new version's weights and a few photos of the subject trains it until it knows them.
The steps that takes, relative to a network that never knew: relearning time (Tarun et al. 2021,
arXiv 2111.08947) and the anamnesis index (Chundawat et al. 2022, arXiv 2201.05629); as an attack:
Hu et al. 2024 (arXiv 2406.13356). What comes back sooner than it could be learnt was still there.

The attacker learns from one half of the held-out photos, mirrored too, by CosFace (Wang et al.
2018, arXiv 1801.09414) against everybody else, and holds the others' templates where they are.
What trains does not depend on what the erasure changed, so that the steps of two erasures can be
compared; changes before that part are left as they are. The other half judges: their TMR at FMR
1e-3, the threshold set anew at each look, on other people's faces and on these against them, so
that drawing everybody together gains nothing. The halves then change places: a run each.

A real stranger is no reference: recognisers generalise, and know one before any step
(``relearning_tmr_real_stranger``). So the reference is a fictitious one: a mix of three benchmark
people, as many photos, to reach the same TMR, where only photos of different people are compared:
by those it is as scattered as any strangers. Nothing makes these people one, so what is learnt of
them is learnt from nothing. (A mix of more people is not back for ever longer, and ratios of small
and of large benchmarks could not be compared.) The unseen photos are of
the same people as those learnt from, and the network, which recognises each of them, carries over
what it learnt; had every photo another person on it, it could never be learnt. So the reference is
sooner back than somebody without any trace would be: a ratio below 1 shows that the network still
sees what the subject's photos have in common, one of 1 does not show that it sees nothing of it.
Neither says anything about the influence of training photos.

Who is not back within ``CAP`` steps counts as back at ``CAP``. Where that is the mix alone, the
ratio is at most what is given; the subject alone, at least; both, it is given as 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from workers.certification.attacks.identities import Identity, Indices, Others, stranger
from workers.certification.comparisons import mated_counts
from workers.certification.figures import Figure, missing, proportion, ratio, without
from workers.certification.intervals import pair_replicates, ratio_replicates
from workers.certification.retained import LOWEST_TMR
from workers.certification.templates import Crops, Embedder
from workers.certification.thresholds import Threshold
from workers.recognizer import BadModel, Recognizer

if TYPE_CHECKING:  # these load torch
    from workers.certification.attacks.scene import Faces, Pairs, Scene

Progress = Callable[[str, float], None]

FEWEST = 8  # held-out photos: with fewer, either half says little
MOST = 10  # photos to learn from
BACK = 0.9  # of the old version's TMR: recognised again
BUDGET = 5  # steps of the small attack
LOOKS = (0, 1, 2, 3, 4, BUDGET, 7, 10, 15, 20, 30, 40, 50)  # after so many steps
CAP = LOOKS[-1]
LEARNING_RATE = 2e-4  # of Adam; five times that, and everybody is lost on the way
EMBEDDED = 0.1  # of the time goes into the part that does not train

TITLES = {
    "relearning_steps": (
        f"steps of training until the subject's unseen photos match again; {CAP}: not within {CAP}"
    ),
    "relearning_steps_stranger": "the same for a fictitious person, three benchmark people in one",
    "relearning_ratio": (
        "steps for the subject by steps for the fictitious person; below 1, something is left"
    ),
    "relearning_tmr": f"TMR (FMR 1e-3) of the subject's unseen photos after {BUDGET} such steps",
    "relearning_tmr_stranger": "the same for the fictitious person",
    "relearning_tmr_real_stranger": "TMR (FMR 1e-3) of real people, not erased, before any step",
}


def figures(
    old: Embedder,
    new: Embedder,
    held_out: Crops,
    benchmark: Mapping[str, Crops],
    seed: int,
    progress: Progress,
) -> dict[str, Figure]:
    """All of ``TITLES``. Trains a copy in memory.

    ``progress`` gets what is being done and how much of this attack is done, 0 to 1.
    """
    photos = len(held_out)
    if not (isinstance(old, Recognizer) and isinstance(new, Recognizer)):
        return _none("relearning needs the network's weights", photos=photos)
    if photos < FEWEST:
        reason = f"{photos} held-out photos; to learn from half and judge by half takes {FEWEST}"
        return _none(reason, photos=photos)
    from workers.certification.attacks.scene import Scene
    from workers.certification.attacks.tuning import repeatable

    rng = np.random.default_rng(seed)
    subject = Identity.of(held_out, MOST, rng)
    mix, names = stranger(benchmark, subject.half, rng)
    others = Others.of([benchmark[name] for name in names], rng)
    try:
        with repeatable():
            scene = Scene.make(old, new, subject, mix, others)
            progress("relearning", EMBEDDED)
            return _measured(scene, seed, progress)
    except BadModel:
        return _none("the network cannot be trained in torch", photos=photos)


def _measured(scene: Scene, seed: int, progress: Progress) -> dict[str, Figure]:
    known, threshold = _known_before(scene)
    if threshold.value is None:
        return {name: without(threshold) for name in TITLES}
    if min(known) < LOWEST_TMR:
        reason = (
            f"the old version matches {min(known):.1%} of photos of the subject: too few to lose"
        )
        return _none(reason, non_mated=threshold.trials)
    targets = [BACK * tmr for tmr in known]
    found = {"relearning_tmr_real_stranger": _real_stranger(scene, seed)}
    done = EMBEDDED
    for whose, faces in (("", scene.subject), ("_stranger", scene.mix)):
        if faces is not None:
            tell = partial(progress, "relearning", done)
            courses = both_ways(scene, faces, targets, seed, tell)
            found |= _of(courses, whose, targets, threshold, seed)
        done += (1 - EMBEDDED) / 2
        progress("relearning", done)
    few = missing("too few benchmark people have photos enough to mix a person of them")
    subject, mix = (found.get(f"relearning_steps{whose}", few) for whose in ("", "_stranger"))
    found["relearning_ratio"] = _ratio(subject, mix)
    return {name: found.get(name, few) for name in TITLES}


def _none(reason: str, **sample: int) -> dict[str, Figure]:
    return {name: missing(reason, **sample) for name in TITLES}


def _known_before(scene: Scene) -> tuple[list[float], Threshold]:
    """TMR of the subject's photos by the old version: of the unseen ones of each run."""
    identity, rates = scene.subject.identity, []
    for _, unseen in runs(identity):
        matched, threshold = scene.matched_before(unseen)
        rates.append(float(matched.sum() / identity.compared(unseen).sum()))
    return rates, threshold


def runs(identity: Identity) -> list[tuple[Indices, Indices]]:
    """Each half learnt from, and the other judged by."""
    first, second = identity.halves()
    return [(first, second), (second, first)]


@dataclass(frozen=True, eq=False)
class Course:
    """One run: which pairs of unseen photos matched at each look."""

    unseen: Indices
    compared: Pairs
    matched: Sequence[Pairs]

    @property
    def tmr(self) -> list[float]:
        comparisons = self.compared.sum()
        return [float(matched.sum() / comparisons) for matched in self.matched]


def steps_until(target: float, tmr: Sequence[float]) -> float:
    """From the TMR at each of ``LOOKS``, linear between two; ``CAP`` where it is never reached."""
    for look, now in enumerate(tmr):
        if now >= target:
            if not look:
                return 0.0
            start, end, before = LOOKS[look - 1], LOOKS[look], tmr[look - 1]
            return start + (target - before) / (now - before) * (end - start)
    return float(CAP)


def both_ways(
    scene: Scene, faces: Faces, targets: Sequence[float], seed: int, tell: Callable[[], None]
) -> list[Course]:
    """``tell`` is called before each step; what it raises ends the attack."""
    return [
        _run(scene, faces, *photos, target, np.random.default_rng([seed, run]), tell)
        for run, (photos, target) in enumerate(zip(runs(faces.identity), targets, strict=True))
    ]


def _run(
    scene: Scene,
    faces: Faces,
    learnt: Indices,
    unseen: Indices,
    target: float,
    rng: np.random.Generator,
    tell: Callable[[], None],
) -> Course:
    """Trains until the TMR is at ``target``, though for ``BUDGET`` steps at least."""
    from workers.certification.attacks.lesson import Lesson

    optimizer = scene.tuning.begin(LEARNING_RATE)
    lesson = Lesson.make(scene.tuning, faces.shown(learnt), scene.kept, scene.kept_sizes)
    matched: list[Pairs] = []
    course = Course(unseen, faces.identity.compared(unseen), matched)
    for step in range(CAP + 1):
        tell()
        if step in LOOKS:
            matched.append(scene.matched(faces, unseen)[0])
            if step >= BUDGET and max(course.tmr) >= target:
                break
        optimizer.zero_grad(set_to_none=True)
        lesson.loss(scene.tuning, rng).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return course


def _of(
    courses: Sequence[Course],
    whose: str,
    targets: Sequence[float],
    threshold: Threshold,
    seed: int,
) -> dict[str, Figure]:
    """Steps, the mean of both runs, and TMR after ``BUDGET`` of them, of both runs together."""
    photos = sum(len(course.unseen) for course in courses)
    matched, compared = np.zeros((photos, photos)), np.zeros((photos, photos))
    for course in courses:
        among = np.ix_(course.unseen, course.unseen)
        matched[among] = course.matched[LOOKS.index(BUDGET)]
        compared[among] = course.compared
    sample = {
        "photos": photos,
        "comparisons": int(compared.sum()),
        "non_mated": threshold.trials,
        "runs": len(courses),
    }
    found = zip(courses, targets, strict=True)
    steps = float(np.mean([steps_until(target, course.tmr) for course, target in found]))
    replicates = pair_replicates(matched, compared, seed)
    tmr = proportion(matched.sum() / compared.sum(), replicates, photos, sample)
    return {f"relearning_steps{whose}": Figure(steps, sample=sample), f"relearning_tmr{whose}": tmr}


def _ratio(subject: Figure, mix: Figure) -> Figure:
    if subject.estimate is None or mix.estimate is None:
        return missing(str(mix.reason), **subject.sample)
    if not mix.estimate:
        return missing("by the new version even a mix of people is recognised", **mix.sample)
    return Figure(subject.estimate / mix.estimate, sample=subject.sample)


def _real_stranger(scene: Scene, seed: int) -> Figure:
    """TMR of the people who judge, by the new version as it is."""
    people, threshold = scene.judged_people()
    if threshold.value is None:
        return without(threshold)
    matches, comparisons = mated_counts(people, threshold.value)
    if not comparisons.any():
        return missing("nobody in the benchmark has photos enough")
    sample = {
        "people": int(np.count_nonzero(comparisons)),
        "comparisons": int(comparisons.sum()),
        "non_mated": threshold.trials,
    }
    replicates = ratio_replicates(matches, comparisons, seed)
    return proportion(ratio(matches, comparisons), replicates, len(people), sample)
