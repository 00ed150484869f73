"""Every method on the same split: what it forgets, what it keeps, what it costs.

    python -m benchmarks.methods --model M.onnx --people DIR --out DIR

Without --subject the first four people with enough photos are forgotten, each alone and from the
same old version. Writes methods.md and methods.svg (means over the subjects) and methods.csv (every
run).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import plot, table
from benchmarks.command import parser, positive, run
from benchmarks.table import BEFORE, Row
from benchmarks.trial import FEWEST_HELD_OUT, BadTrial, Split, erase, judge, split, warm
from storage.uploads.images import Pixels
from workers.faces import read_faces
from workers.recognizer import Recognizer
from workers.unlearning import METHODS, Plan
from workers.unlearning.loop import Diverged

SUBJECTS = 4  # where none is named


def main() -> None:
    options = _options()
    recognizer = Recognizer.load(options.model)
    people = dict(read_faces(options.people, recognizer.input_size).people)
    subjects = options.subject or _with_enough(people, options.photos)[:SUBJECTS]
    splits = [split(people, [name], options.photos, options.seed) for name in subjects]
    plans = [_plan(name, options) for name in options.method or _closed_form_first()]
    options.out.mkdir(parents=True, exist_ok=True)
    table.say_titles()
    rows = []
    for parts in splits:
        for row in _rows(recognizer, parts, plans, options.seed):
            table.say(row)
            rows.append(row)
    means = table.means(rows)
    for row in means if len(splits) > 1 else []:
        table.say(row)
    table.write_csv(options.out / "methods.csv", rows)
    heading = _heading(recognizer, splits, options)
    (options.out / "methods.md").write_text(heading + table.markdown(means))
    plot.draw(options.out / "methods.svg", means)
    print(f"written: {options.out}/methods.md, methods.csv, methods.svg")


def _rows(recognizer: Recognizer, parts: Split, plans: Sequence[Plan], seed: int) -> Iterator[Row]:
    """One for the old version, then one for each plan."""
    (subject,) = parts.subjects
    unchanged = judge(recognizer, recognizer, parts, seed)
    figures = table.figures(unchanged, 0.0)
    yield Row(subject.reference, BEFORE, figures | {"seconds": None})
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        warm(recognizer, parts, plans[0], cache)
        for plan in plans:
            try:
                made = erase(recognizer, parts, plan, Path(folder) / "new.onnx", cache)
            except Diverged as error:
                yield Row(subject.reference, plan.method, {}, str(error))
                continue
            found = judge(recognizer, made.new, parts, seed)
            yield Row(subject.reference, plan.method, table.figures(found, made.seconds))


def _with_enough(people: Mapping[str, Pixels], photos: int) -> list[str]:
    """
    Raises:
        BadTrial: nobody has.
    """
    found = [who for who, crops in people.items() if len(crops) >= photos + FEWEST_HELD_OUT]
    if not found:
        raise BadTrial(f"nobody has {photos + FEWEST_HELD_OUT} photos; give fewer --photos")
    return found


def _closed_form_first() -> list[str]:
    """The rival that every other method must beat heads the table."""
    return sorted(METHODS, key=lambda name: name != "projection")


def _plan(method: str, options: argparse.Namespace) -> Plan:
    plan = Plan(method=method, seed=options.seed)
    return replace(plan, steps=options.steps) if options.steps else plan


def _heading(recognizer: Recognizer, splits: Sequence[Split], options: argparse.Namespace) -> str:
    names = ", ".join(subject.reference for parts in splits for subject in parts.subjects)
    return (
        f"Model {recognizer.path.name} (SHA-256 {recognizer.sha256[:16]}…). Means over "
        f"{len(splits)} subject(s), each alone: {names}. {options.photos} photos of each train, "
        f"the others judge; {len(splits[0].reference)} reference people, "
        f"{len(splits[0].benchmark)} benchmark people, nobody is both. Threshold at FMR 1e-3 of "
        f"the old version's benchmark comparisons (pooled features: of each version's own). "
        f"Seed {options.seed}.\n\n"
    )


def _options() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--subject", nargs="+", action="extend", metavar="NAME")
    made.add_argument("--photos", type=positive, default=20, help="that train (%(default)s)")
    made.add_argument("--method", nargs="+", action="extend", choices=METHODS, metavar="NAME")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--steps", type=positive, help="fewer than a real run takes, to try it out")
    made.add_argument("--out", type=Path, required=True, help="folder for the results")
    return made.parse_args()


if __name__ == "__main__":
    run(main)
