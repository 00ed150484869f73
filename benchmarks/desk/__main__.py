"""How fast the desk is on one processor core, on servers of its own in a temporary folder.

    python -m benchmarks.desk [--part PART …] [--tickets N] [--quick]

lists        of tickets, with 100 of them and with N
tickets      their pages, with as many
submissions  by the API, without photos, with as many
weight       bytes of each page, with its styles and scripts
paint        when chromium first paints a page, with nothing cached and with all of it
process      the web's start, and its memory over 2,000 page views

gunicorn, Redis and S3 share one core; whoever asks is on another. "On processors" is the time that
the three took together on theirs: the clock runs on while other programs use the machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from benchmarks.command import positive, run
from benchmarks.desk import pages, process, submissions, weight
from benchmarks.desk.one_core import OneCore
from benchmarks.desk.special import Special
from benchmarks.desk.table import Row, say
from benchmarks.load.crowd import add_faces, add_models, model_names, write_recognizer
from benchmarks.load.filling import fill
from benchmarks.load.house import House, opened
from benchmarks.load.machine import machine

PARTS = ("lists", "tickets", "submissions", "weight", "paint", "process")
POLICY = Path(__file__).parents[1] / "load" / "loose.toml"
MODELS = 10
FEW, MANY = 100, 10_000  # tickets
FIRST_LOOKS = 100  # at tickets
VIEWS, QUICK_VIEWS = (100, 500, 1000, 1500, 2000), (10, 20)  # of pages, after which memory is read


def main() -> None:
    options = _options()
    with opened(policy=str(POLICY)) as house:
        print("\n".join(machine(house.record.redis)), flush=True)
        names = model_names(MODELS)
        add_faces(house.record)
        add_models(house.record, names, write_recognizer(house.folder / "trivial.onnx"))
        submissions.enrol(house.record, options.people)
        ids = fill(house.record, names, 0, options.few)
        shown = set(options.part) - {"lists", "submissions"}
        special = Special.make(house, options.special) if shown else Special((), (), ())
        before = _table(house, special, ids, options, {})
        if options.tickets > options.few:
            ids = fill(house.record, names, options.few, options.tickets)
            _table(house, special, ids, options, before)
        if "process" in options.part:
            process.say_start(1 if options.quick else 5)
        if {"weight", "paint", "process"} & set(options.part):
            _others(house, pages.paths(ids[-1], special, names[0]), options)


def _table(
    house: House,
    special: Special,
    ids: Sequence[str],
    options: argparse.Namespace,
    before: Mapping[str, Row],
) -> Mapping[str, Row]:
    if not {"lists", "tickets", "submissions"} & set(options.part):
        return {}
    count, rows = len(house.record.tickets.index.all()), list[Iterator[Row]]()
    with OneCore.of(house) as core:  # a web that has looked at nothing yet
        if "lists" in options.part:
            rows.append(pages.lists(core, options.times, options.stride))
        if "tickets" in options.part:
            rows.append(pages.tickets(core, special, ids[-FIRST_LOOKS:], options.times))
        if "submissions" in options.part:
            rows.append(submissions.rows(core, options.people, options.times))
        return say(f"{count:,} tickets", chain(*rows), before)


def _others(house: House, paths: Mapping[str, str], options: argparse.Namespace) -> None:
    with OneCore.of(house) as core:
        if "weight" in options.part:
            weight.say(core, paths)
        if "paint" in options.part:
            from benchmarks.desk import paint  # it alone needs playwright

            paint.say(core, paths, 1 if options.quick else 10)
        if "process" in options.part:
            process.say_memory(core, paths, QUICK_VIEWS if options.quick else VIEWS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.desk",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS, help="these alone")
    parser.add_argument(
        "--tickets",
        type=positive,
        default=10_000,
        help="of the second table (default: %(default)s)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few of each: whether it runs, not how fast"
    )
    given = parser.parse_args()
    vars(given).update(few=FEW, people=1000, special=10, times=100, stride=1)
    if given.quick:
        vars(given).update(few=10, people=20, special=2, times=2, stride=100, tickets=30)
    return given


if __name__ == "__main__":
    run(main)
