"""One trial: who plays which part, what is forgotten, and what the judge says.

Of each subject some random photos train and the others judge; of the other people every second one
is reference, the rest are benchmark: nobody is in two roles. Nothing of a subject's held-out photos
or of benchmark people reaches a method.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.errors import BadInput
from storage.uploads.images import Pixels
from workers.certification import Certification, Policy, Subject, certify
from workers.recognizer import Recognizer
from workers.unlearning import Plan, unlearn
from workers.unlearning.frozen import choose_cut, reference_activations
from workers.unlearning.sample import sample

FEWEST_HELD_OUT = 2  # photos of a subject: one has nothing to be compared with


class BadTrial(BadInput):
    """People or photos that no trial can be made with."""


@dataclass(frozen=True, eq=False)
class Split:
    subjects: tuple[Subject, ...]
    reference: Mapping[str, Pixels]
    benchmark: Mapping[str, Pixels]

    @property
    def forget(self) -> list[Pixels]:
        return [subject.forget for subject in self.subjects]


@dataclass(frozen=True, eq=False)
class Erasure:
    new: Recognizer
    steps: int
    seconds: float


def split(people: Mapping[str, Pixels], subjects: Sequence[str], photos: int, seed: int) -> Split:
    """``photos`` of each subject train.

    Raises:
        BadTrial: a subject who is not there or has too few photos, or too few other people.
    """
    others = [name for name in people if name not in subjects]
    if len(others) < 4:
        raise BadTrial(
            f"{len(others)} people beside the subjects: at least 4 are needed, two as reference "
            "and two as benchmark; add people or choose fewer subjects"
        )
    return Split(
        tuple(parted(name, people, photos, seed) for name in subjects),
        {name: people[name] for name in others[::2]},
        {name: people[name] for name in others[1::2]},
    )


def parted(name: str, people: Mapping[str, Pixels], photos: int, seed: int) -> Subject:
    """
    Raises:
        BadTrial
    """
    if name not in people:
        raise BadTrial(f"subject {name}: no such person; choose from {', '.join(people)}")
    crops = people[name]
    if len(crops) < photos + FEWEST_HELD_OUT:
        raise BadTrial(
            f"subject {name}: {len(crops)} photos; {photos} to train and {FEWEST_HELD_OUT} to "
            "judge are needed; choose another subject or fewer --photos"
        )
    order = np.random.default_rng(seed).permutation(len(crops))
    return Subject(name, crops[order[:photos]], crops[order[photos:]])


def erase(recognizer: Recognizer, parts: Split, plan: Plan, file: Path, cache: Path) -> Erasure:
    """The next version, written to ``file``.

    Raises:
        Diverged
    """
    start = time.monotonic()
    found = unlearn(recognizer, parts.forget, parts.reference, plan, cache=cache)
    seconds = time.monotonic() - start
    recognizer.write(file, found.tensors)
    return Erasure(Recognizer.load(file), found.steps, seconds)


def warm(recognizer: Recognizer, parts: Split, plan: Plan, cache: Path) -> None:
    """Makes the reference faces' activations: the first run must not pay for those of all."""
    cut = choose_cut(recognizer.cut_points(), plan)
    held = sample(parts.reference, plan.reference_faces)
    reference_activations(recognizer, cut, np.concatenate(list(held.values())), cache)


def judge(old: Recognizer, new: Recognizer, parts: Split, seed: int) -> Certification:
    """Without the attacks that train something: they are not what methods are compared by."""
    policy = Policy.named("default")
    return certify(
        old,
        new,
        parts.subjects,
        parts.benchmark,
        policy,
        seed=seed,
        attacks=frozenset({"pooled", "prototype", "replay"}),
    )
