"""How Lethe bears load, on servers of its own in a temporary folder.

    python -m benchmarks.load [--part PART …] [--quick]

submissions  tickets a second by the web form, until p95 of "accepted" exceeds 200 ms
pages        desk, lists, metrics and a sweep with few and with many open tickets and models
first-step   from submission to the first step of an idle worker
memory       resident memory of web and workers over many tickets, with a trivial recogniser

For ``pages`` the record is filled with events and index entries as the desk writes them, but
without photos; all else goes by the web form, the desk and the workers.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable

import structlog

from benchmarks.command import positive, run
from benchmarks.load import first_step, memory, pages, submissions
from benchmarks.load.house import opened
from benchmarks.load.machine import machine

Part = Callable[[argparse.Namespace], None]


def main() -> None:
    options = _options()
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet)  # the sweep runs in this process
    with opened() as house:
        print("\n".join(machine(house.record.redis)), flush=True)
    for name in options.part or PARTS:
        PARTS[name](options)


def _submissions(options: argparse.Namespace) -> None:
    submissions.measure((1,) if options.quick else (1, 2, 4, 8), 1.0 if options.quick else 15.0)


def _pages(options: argparse.Namespace) -> None:
    if options.quick:
        pages.measure((3,), (10, 30), 2)
    else:
        pages.measure((10, 1000), (10, 1000, 10_000), 30)


def _first_step(options: argparse.Namespace) -> None:
    first_step.measure(3 if options.quick else 100)


def _memory(options: argparse.Namespace) -> None:
    tickets = 2 if options.quick else options.tickets
    memory.measure(tickets, 1 if options.quick else 50, options.minutes)


PARTS: dict[str, Part] = {
    "submissions": _submissions,
    "pages": _pages,
    "first-step": _first_step,
    "memory": _memory,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--part", nargs="+", choices=PARTS, help="these alone")
    parser.add_argument(
        "--tickets", type=positive, default=1000, help="of the part memory (default: %(default)s)"
    )
    parser.add_argument(
        "--minutes", type=positive, default=60, help="that memory may take (default: %(default)s)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few of each: whether it runs, not how fast"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
