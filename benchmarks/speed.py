"""What a run costs, in one process: seconds, memory, and what a naive run would take.

    python -m benchmarks.speed --model M.onnx --people DIR

The first eight people with enough photos are the subjects, the others the reference people; where
these have too few faces, random views of them fill up the number.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.command import parser, positive, run
from benchmarks.naive import seconds_a_step
from benchmarks.throughput import throughput
from benchmarks.trial import BadTrial
from storage.uploads.images import Pixels
from workers.faces import read_faces
from workers.recognizer import Recognizer
from workers.unlearning import Plan, unlearn
from workers.unlearning.augmentation import STRONG, views
from workers.unlearning.sample import sample

SUBJECTS = 8
MORE = 4  # times the reference faces: past the sample, the cost must not grow with them
NAIVE_STEPS = 5  # timed, of which the whole run is extrapolated
EMBEDDED = 240  # faces of the throughput's measurement


@dataclass(frozen=True)
class Cost:
    seconds: float
    steps: int
    peak: float  # MiB, of the process up to the end of the run


def main() -> None:
    options = _options()
    recognizer = Recognizer.load(options.model)
    people = dict(read_faces(options.people, recognizer.input_size).people)
    names = [who for who, crops in people.items() if len(crops) >= options.photos][:SUBJECTS]
    others = {who: crops for who, crops in people.items() if who not in names}
    if not names or not others:
        raise BadTrial(
            f"{options.people}: {len(names)} people with {options.photos} photos, {len(others)} "
            "others; both are needed, so add people"
        )
    subjects = [people[who][: options.photos] for who in names]
    plan = replace(Plan(), **({"steps": options.steps} if options.steps else {}))
    threads = torch.get_num_threads()
    print(f"{plan.method}; {options.photos} photos a subject; torch: {threads} thread(s)")
    warm = _say_runs(options.model, subjects, others, options.faces, plan)
    _say_naive(Recognizer.load(options.model), subjects[0], others, plan, warm)
    faces = np.concatenate(list(grown(others, EMBEDDED).values()))
    for line in throughput(recognizer, faces):
        print(line, flush=True)


def grown(people: Mapping[str, Pixels], faces: int) -> Mapping[str, Pixels]:
    """So many faces, balanced over the people; random views of them where there are too few."""
    there = sum(len(crops) for crops in people.values())
    more = -(-faces // there) - 1
    made = {
        who: np.concatenate([crops, *views(crops, more, 0, STRONG).swapaxes(0, 1)])
        for who, crops in people.items()
    }
    return sample(made if more else people, faces)


def _say_runs(
    model: Path, subjects: Sequence[Pixels], others: Mapping[str, Pixels], faces: int, plan: Plan
) -> Cost:
    """The warm run of one subject is what others are compared with."""
    once, more = grown(others, faces), grown(others, MORE * faces)
    one, all_of_them = subjects[:1], subjects
    print(f"{'run':52}{'seconds':>9}{'steps':>7}{'peak MiB':>10}")
    with tempfile.TemporaryDirectory() as folder:
        cache, other_cache = Path(folder) / "once", Path(folder) / "more"
        title = f"one subject, {faces:,} reference faces"
        _say(f"{title}, cold cache", _cost(model, one, once, plan, cache))
        warm = _cost(model, one, once, plan, cache)
        _say(f"{title}, warm cache", warm)
        many = _cost(model, all_of_them, once, plan, cache)
        _say(f"{len(subjects)} subjects in one run, warm cache", many)
        title = f"one subject, {MORE * faces:,} reference faces"
        _say(f"{title}, cold cache", _cost(model, one, more, plan, other_cache))
        _say(f"{title}, warm cache", _cost(model, one, more, plan, other_cache))
    print("peak: of the process up to there, with all pictures of all people in it")
    print(f"{len(subjects)} subjects cost {many.seconds / warm.seconds:.1f} times one")
    return warm


def _cost(
    model: Path,
    subjects: Sequence[Pixels],
    reference: Mapping[str, Pixels],
    plan: Plan,
    cache: Path,
) -> Cost:
    """By a recogniser that has just been loaded: none of its sessions is open for another run."""
    recognizer = Recognizer.load(model)
    start = time.monotonic()
    found = unlearn(recognizer, subjects, reference, plan, cache=cache)
    seconds = time.monotonic() - start
    return Cost(seconds, found.steps, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _say(title: str, cost: Cost) -> None:
    print(f"{title:52}{cost.seconds:9.1f}{cost.steps:7}{cost.peak:10.0f}", flush=True)


def _say_naive(
    recognizer: Recognizer,
    subject: Pixels,
    others: Mapping[str, Pixels],
    plan: Plan,
    warm: Cost,
) -> None:
    step = seconds_a_step(recognizer, subject, others, NAIVE_STEPS)
    whole = step * plan.steps
    print(
        f"naive run (all layers train, no cache, {plan.steps} steps): {whole:.0f} s, extrapolated "
        f"from {NAIVE_STEPS} steps of {step:.2f} s\n"
        f"that is {whole / warm.seconds:.0f} times one subject with a warm cache",
        flush=True,
    )


def _options() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--faces", type=positive, default=1000, help="reference faces (%(default)s)")
    made.add_argument("--photos", type=positive, default=20, help="of a subject (%(default)s)")
    made.add_argument("--steps", type=positive, help="fewer than a real run takes, to try it out")
    return made.parse_args()


if __name__ == "__main__":
    run(main)
