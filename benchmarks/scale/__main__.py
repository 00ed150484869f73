"""How the divided work of a run divides, and a model of many tickets.

    python -m benchmarks.scale [--part divide|model …] [--quick]

divide  one run's shards with 1, 2 and 4 worker processes, each on one core with one thread
model   tickets a day, GPUs and cost for 10, 1,000 and 100,000 tickets a month (docs/scale.md)
"""

from __future__ import annotations

import argparse
import logging

import structlog

from benchmarks.command import run
from benchmarks.load.house import opened
from benchmarks.load.machine import machine
from benchmarks.scale import model
from benchmarks.scale.divide import Size, measure, table

FULL = Size(faces=2000, templates=32_768, shard_faces=50, repeats=2)
QUICK = Size(faces=60, templates=4096, shard_faces=20, repeats=1)


def main() -> None:
    options = _options()
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet)
    if "divide" in options.part:
        _divide(QUICK if options.quick else FULL, (1, 2) if options.quick else (1, 2, 4))
    if "model" in options.part:
        print("\n".join(model.report()))


def _divide(size: Size, processes: tuple[int, ...]) -> None:
    with opened() as house:
        print("\n".join(machine(house.record.redis)), flush=True)
    found = measure(processes, size)
    print(f"\n{size.faces} faces embedded, {size.templates:,} templates searched among themselves")
    print("\n".join(table(found)), flush=True)
    print("\n".join(model.check(found, size)), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = ("divide", "model")
    parser.add_argument("--part", nargs="+", choices=parts, default=parts, help="these alone")
    parser.add_argument("--quick", action="store_true", help="whether it runs, not how fast")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
