"""Whether web and worker keep their memory steady over many tickets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
import requests

from benchmarks.load.crowd import add_faces, add_models, model_names, subject, write_recognizer
from benchmarks.load.house import House, Web, opened
from lethe.stack.process import Process
from storage.errors import LetheError
from storage.queue import CPU, GPU
from storage.settings import MIB
from storage.tickets.request import LegalGround
from storage.tickets.states import ENDED, State

POLICY = Path(__file__).with_name("loose.toml")
PER_MODEL = 50  # tickets: a line of versions that is longer costs more to certify
AHEAD = 16  # tickets under way: one run forgets so many people at most
LONGEST = 300.0  # seconds without a ticket that ends
LOOK = 0.1  # seconds between two looks


class Stuck(LetheError):
    """Tickets do not end, or not well."""


@dataclass(frozen=True)
class Sample:
    tickets: int  # that have completed
    resident: dict[str, float]  # process → MiB


def measure(tickets: int, every: int, minutes: float) -> None:
    """Prints the resident memory every so many tickets, and its slope over the last half.

    After ``minutes`` it ends with the tickets that have completed by then.
    """
    with opened(policy=str(POLICY)) as house:
        models = model_names(-(-tickets // PER_MODEL))
        add_faces(house.record)
        add_models(house.record, models, write_recognizer(house.folder / "trivial.onnx"))
        web = house.start_web()
        workers = {name: house.start_worker(name, "benchmarks.load.worker") for name in (CPU, GPU)}
        print("\nresident memory in MiB", flush=True)
        start = time.monotonic()
        samples = _samples(house, web, workers, tickets, every, 60 * minutes)
    names = list(samples[0].resident)
    slopes = "".join(f"{_slope(samples, name):>14.2f}" for name in names)
    print(f"{'MiB/100':>10}{slopes}  over the last half")
    print(f"{samples[-1].tickets:,} tickets in {time.monotonic() - start:.0f} s", flush=True)


def _say(sample: Sample, *, first: bool) -> None:
    if first:
        print(f"{'tickets':>10}" + "".join(f"{name:>14}" for name in sample.resident))
    cells = "".join(f"{size:>14.1f}" for size in sample.resident.values())
    print(f"{sample.tickets:>10}{cells}", flush=True)


def _samples(
    house: House,
    web: Web,
    workers: dict[str, Process],
    tickets: int,
    every: int,
    seconds: float,
) -> list[Sample]:
    """Submits through the web, approves, and looks at the pages, until all have completed."""
    visitor, submitted, samples = web.visitor(), 0, list[Sample]()
    ended = 0
    last = start = time.monotonic()
    while ended < tickets and time.monotonic() - start < seconds:
        while submitted < min(ended + AHEAD, tickets):
            _submit(web, visitor, submitted)
            submitted += 1
        before, ended = ended, house.record.tickets.count(None, State.COMPLETED)
        _check(house, submitted)
        if ended != before:
            last = time.monotonic()
            _look(web, visitor)
        elif time.monotonic() - last > LONGEST:
            raise Stuck(f"no ticket ended in {LONGEST:.0f} s; {ended} had")
        if ended and ended // every > (samples[-1].tickets // every if samples else 0):
            samples.append(Sample(ended, _resident(web.process, workers)))
            _say(samples[-1], first=len(samples) == 1)
        time.sleep(LOOK)
    samples.append(Sample(ended, _resident(web.process, workers)))
    return samples


def _submit(web: Web, visitor: requests.Session, number: int) -> None:
    """By the form, as people do; the approval, too."""
    model = model_names(number // PER_MODEL + 1)[-1]
    made = subject(number, 6)
    data = {
        "csrf_token": web.token(visitor, f"{web.url}/tickets/new"),
        "model": model,
        "subject": f"DSR-{number}",
        "legal_ground": str(LegalGround.CONSENT_WITHDRAWN),
        "deadline": (datetime.now(UTC) + timedelta(days=20)).date().isoformat(),
    }
    files = [("photos", (photo.name, photo.data)) for photo in made]
    answer = visitor.post(f"{web.url}/tickets/new", data, files=files, timeout=60)
    answer.raise_for_status()
    token = {"csrf_token": data["csrf_token"]}
    visitor.post(f"{answer.url}/approve", token, timeout=60).raise_for_status()


def _look(web: Web, visitor: requests.Session) -> None:
    for path in ("/", "/tickets", "/models", "/metrics"):
        visitor.get(web.url + path, timeout=60).raise_for_status()


def _check(house: House, submitted: int) -> None:
    """
    Raises:
        Stuck: a ticket failed, or waits for people.
    """
    counts = house.record.tickets.counts()
    wrong = {
        str(state): count
        for (_, state), count in counts.items()
        if state in {State.FAILED, State.NEEDS_PHOTOS, State.NEEDS_REVIEW} | ENDED
        and state is not State.COMPLETED
    }
    if wrong:
        raise Stuck(f"of {submitted} tickets {wrong}")


def _resident(web: Process, workers: dict[str, Process]) -> dict[str, float]:
    """gunicorn's worker and each Celery worker's child, which do the work."""
    found = {"web": web, **{f"worker {name}": process for name, process in workers.items()}}
    return {
        name: sum(child.memory_info().rss for child in _children(process)) / MIB
        for name, process in found.items()
    }


def _children(process: Process) -> Sequence[psutil.Process]:
    return psutil.Process(process.popen.pid).children()


def _slope(samples: Sequence[Sample], name: str) -> float:
    """MiB for each 100 tickets, by least squares."""
    half = [sample for sample in samples if sample.tickets >= samples[-1].tickets / 2]
    if len(half) < 2:
        return float("nan")
    tickets = [sample.tickets for sample in half]
    if tickets[0] == tickets[-1]:
        return float("nan")
    return 100 * float(np.polyfit(tickets, [sample.resident[name] for sample in half], 1)[0])
