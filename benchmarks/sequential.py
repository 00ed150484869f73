"""Requests one after the other, each on the version before, beside all of them in one run.

    python -m benchmarks.sequential [--model M.onnx --people DIR] [--subjects 10]

Without --model and --people: the demo's recogniser and synthetic people. Says whether those who
were forgotten first stay forgotten, and what everybody else lost either way.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.command import parser, positive, run
from benchmarks.trial import BadTrial, Split, erase, judge, split, warm
from lethe.commands.demo import OWN_MODEL
from lethe.demo.people import UNSEEN, make_person, take_photo
from storage.uploads.images import Pixels
from workers.certification import Certification
from workers.faces import read_faces
from workers.recognizer import Recognizer
from workers.unlearning import METHODS, Plan

HELD_OUT = 10  # photos of a synthetic subject that judge
OTHERS, OTHERS_PHOTOS = 120, 10  # synthetic people: half reference, half benchmark
CACHE = "cache"
TMR, CROSS = "forgotten_tmr@1e-3", "forgotten_cross_version_tmr@1e-3"


@dataclass(frozen=True, eq=False)
class Outcome:
    found: Certification  # of the last version against the first one
    seconds: float
    own_run: Mapping[str, float | None]  # subject → TMR just after their own run


def main() -> None:
    options = _options()
    recognizer = Recognizer.load(options.model or OWN_MODEL)
    parts = _parts(recognizer, options)
    plan = Plan(method=options.method, seed=options.seed)
    plan = replace(plan, steps=options.steps) if options.steps else plan
    before = judge(recognizer, recognizer, parts, options.seed)
    with tempfile.TemporaryDirectory() as folder:
        warm(recognizer, parts, plan, Path(folder) / CACHE)
        in_turn = _in_turn(recognizer, parts, plan, Path(folder))
        together = _together(recognizer, parts, plan, Path(folder))
    _say_subjects(parts, before, in_turn, together)
    _say_others(before, in_turn, together)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process {peak:.0f} MiB")


def _in_turn(recognizer: Recognizer, parts: Split, plan: Plan, folder: Path) -> Outcome:
    version, seconds = recognizer, 0.0
    own_run: dict[str, float | None] = {}
    for number, subject in enumerate(parts.subjects, start=1):
        alone = replace(parts, subjects=(subject,))
        made = erase(version, alone, plan, folder / f"{number}.onnx", folder / CACHE)
        version, seconds = made.new, seconds + made.seconds
        found = judge(recognizer, version, alone, plan.seed)
        own_run[subject.reference] = _tmr(found, subject.reference, TMR)
        print(
            f"run {number:2} of {len(parts.subjects)}: {subject.reference} TMR "
            f"{_text(own_run[subject.reference])}, benchmark people {_points(found, '')} points, "
            f"{made.steps} steps, {made.seconds:.1f} s",
            flush=True,
        )
    return Outcome(judge(recognizer, version, parts, plan.seed), seconds, own_run)


def _together(recognizer: Recognizer, parts: Split, plan: Plan, folder: Path) -> Outcome:
    made = erase(recognizer, parts, plan, folder / "together.onnx", folder / CACHE)
    found = judge(recognizer, made.new, parts, plan.seed)
    return Outcome(found, made.seconds, {})


def _say_subjects(parts: Split, before: Certification, in_turn: Outcome, together: Outcome) -> None:
    print("\nTMR at FMR 1e-3 of unseen photos; cross: against the first version's templates")
    print(f"{'':26}{'one after the other':>42}{'all at once':>28}")
    titles = ("before", "after own run", "at the end", "cross", "at the end", "cross")
    print(f"{'subject':12}" + "".join(f"{title:>14}" for title in titles))
    rows = []
    for name in (subject.reference for subject in parts.subjects):
        row = [
            _tmr(before, name, TMR),
            in_turn.own_run[name],
            _tmr(in_turn.found, name, TMR),
            _tmr(in_turn.found, name, CROSS),
            _tmr(together.found, name, TMR),
            _tmr(together.found, name, CROSS),
        ]
        rows.append([float("nan") if value is None else value for value in row])
        print(f"{name:12}" + "".join(f"{_text(value):>14}" for value in row))
    for title, pick in (("mean", np.nanmean), ("highest", np.nanmax)):
        print(f"{title:12}" + "".join(f"{value:14.3f}" for value in pick(rows, axis=0)))


def _say_others(before: Certification, in_turn: Outcome, together: Outcome) -> None:
    tmr = _text(before.benchmark["benchmark_tmr_before@1e-3"].estimate)
    ways = {"one after the other": in_turn, "all at once": together}
    print(f"\n{'benchmark people, TMR ' + tmr + ' before':44}" + "".join(f"{w:>21}" for w in ways))
    for title, kind in (("TMR, points", ""), ("cross-version TMR, points", "cross_version_")):
        cells = "".join(f"{_points(way.found, kind):>21}" for way in ways.values())
        print(f"{title:44}{cells}")
    for title, values in (
        ("rank-1 of the subjects, enrolled again", [_rank1(way.found) for way in ways.values()]),
        ("TMR of the subjects' pooled features", [_pooled(way.found) for way in ways.values()]),
    ):
        print(f"{title:44}" + "".join(f"{_text(value):>21}" for value in values))
    print(f"{'seconds, warm cache':44}" + "".join(f"{way.seconds:21.1f}" for way in ways.values()))


def _tmr(found: Certification, subject: str, figure: str) -> float | None:
    return found.subjects[subject][figure].estimate


def _pooled(found: Certification) -> float | None:
    mean: float | None = found.figures["over_subjects"]["pooled_tmr"]["mean"]
    return mean


def _rank1(found: Certification) -> float | None:
    return found.headline["rank1_after"]


def _points(found: Certification, kind: str) -> str:
    drop = found.benchmark[f"benchmark_{kind}tmr_drop@1e-3"].estimate
    return "–" if drop is None else f"{-100 * drop + 0.0:+.2f}"


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _parts(recognizer: Recognizer, options: argparse.Namespace) -> Split:
    """
    Raises:
        BadTrial
    """
    if (options.model is None) != (options.people is None):
        raise BadTrial("--model and --people: give both, or neither for the synthetic people")
    if options.people is None:
        people = synthetic(options.subjects, options.photos)
    else:
        people = dict(read_faces(options.people, recognizer.input_size).people)
    return split(people, list(people)[: options.subjects], options.photos, options.seed)


def synthetic(subjects: int, photos: int) -> Mapping[str, Pixels]:
    """People of the demo, whom its recogniser was not trained on; the subjects come first.

    Raises:
        BadTrial: more than there are.
    """
    if subjects + OTHERS > len(UNSEEN):
        raise BadTrial(f"{subjects} subjects: there are at most {len(UNSEEN) - OTHERS} of them")
    seeds = UNSEEN[: subjects + OTHERS]
    counts: Sequence[int] = [photos + HELD_OUT] * subjects + [OTHERS_PHOTOS] * OTHERS
    return {f"s{seed}": _photos(seed, count) for seed, count in zip(seeds, counts, strict=True)}


def _photos(seed: int, count: int) -> Pixels:
    person = make_person(seed)
    return np.stack([take_photo(person, number) for number in range(count)])


def _options() -> argparse.Namespace:
    made = parser(__doc__, required=False)
    made.add_argument("--subjects", type=positive, default=10, help="how many (%(default)s)")
    made.add_argument("--photos", type=positive, default=20, help="that train (%(default)s)")
    made.add_argument("--method", choices=METHODS, default=Plan().method)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--steps", type=positive, help="fewer than a real run takes, to try it out")
    return made.parse_args()


if __name__ == "__main__":
    run(main)
