"""One run's shards with 1, 2 and 4 worker processes, each on one core with one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.crowd import photos
from benchmarks.load.house import House, opened
from benchmarks.load.waiting import until
from benchmarks.scale.coordinator import FACES, MODEL, PHOTOS
from benchmarks.scale.cores import CORE
from lethe import demo
from lethe.stack.process import Process
from storage import object_names
from storage.queue import GPU

PARTS = ("embed", "search")
RECOGNISER = Path(demo.__file__).with_name("recogniser.onnx")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LETHE_LEASE_SECONDS": "60"}


@dataclass(frozen=True)
class Size:
    faces: int  # that are embedded
    templates: int  # that are searched among themselves
    shard_faces: int
    repeats: int


@dataclass(frozen=True)
class Run:
    """One part of one run. CPU seconds stand first for the process that has the run."""

    wall: float
    cpu: Sequence[float]
    shards: int
    own: int  # shards of the process that has the run

    @property
    def total(self) -> float:
        return sum(self.cpu)

    @property
    def busiest(self) -> float:
        """CPU seconds of the busiest process: what the part takes where each has a core."""
        return max(self.cpu)


Found = dict[int, dict[str, list[Run]]]  # processes → part → repetitions


def measure(processes: Sequence[int], size: Size) -> Found:
    """
    Raises:
        NothingCame, ProcessDied
    """
    os.environ.update(ONE_THREAD)
    with opened(shard_faces=str(size.shard_faces)) as house:
        people = {
            f"person-{number}": photos(number, PHOTOS) for number in range(size.faces // PHOTOS)
        }
        house.record.faces.add(FACES, people)
        found: Found = {}
        for count in processes:
            helpers = [_helper(house, number) for number in range(1, count)]
            runs = [_run(house, helpers, size) for _ in range(1 + size.repeats)]
            # In the first the workers fetch and open the network.
            found[count] = {part: [run[part] for run in runs[1:]] for part in PARTS}
            for helper in helpers:
                helper.stop(30.0)
        return found


def _helper(house: House, number: int) -> Process:
    os.environ[CORE] = str(number % (os.cpu_count() or 1))
    worker = house.start_worker(GPU, "benchmarks.scale.pinned", number)
    until(lambda: " ready." in worker.log.read_text(errors="replace"), "a worker", 0.1)
    return worker


def _run(house: House, helpers: Sequence[Process], size: Size) -> dict[str, Run]:
    os.environ[CORE] = "0"
    command = [sys.executable, "-m", "benchmarks.scale.coordinator", str(RECOGNISER)]
    command += [str(size.templates), "--helper", *(str(helper.popen.pid) for helper in helpers)]
    with (house.folder / "coordinator.log").open("wb") as errors:
        made = subprocess.run(  # noqa: S603 - our own module
            command, stdout=subprocess.PIPE, stderr=errors, check=True
        )
    if helpers:
        until(lambda: not house.queue.length(GPU), "the end of the queue", 0.1)
    house.record.objects.remove_all(object_names.run(MODEL))
    house.record.redis.delete(GPU)  # with nobody else, what was sent waits there
    found = json.loads(made.stdout.splitlines()[-1])
    return {part: Run(**found[part]) for part in PARTS}


def table(found: Found) -> list[str]:
    """The median run of each number of processes, and what the division makes of it."""
    lines = [
        "part    processes  wall s  CPU s, all  busiest  speed-up on cores of their own  own shards"
    ]
    for part in PARTS:
        alone = middle(found[min(found)][part])
        for count, parts in found.items():
            run = middle(parts[part])
            lines.append(
                f"{part:<7} {count:>9}  {run.wall:6.1f}  {run.total:10.1f}  {run.busiest:7.1f}  "
                f"{alone.total / run.busiest:30.2f}  {run.own:>4} of {run.shards}"
            )
    return lines


def middle(runs: Sequence[Run]) -> Run:
    """The one with the median CPU time."""
    return sorted(runs, key=lambda run: run.total)[len(runs) // 2]
