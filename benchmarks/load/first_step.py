"""How long after its submission an idle worker takes up a ticket."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from benchmarks.load.crowd import add_faces, add_models, model_names, subject, write_recognizer
from benchmarks.load.house import House, opened
from benchmarks.load.timing import p50, p95
from benchmarks.load.waiting import until
from storage.queue import CPU
from storage.tickets.request import LegalGround, Request
from storage.tickets.states import State
from web.operations import fleet

AIM = 500.0  # ms at p95
_BEFORE = {State.SUBMITTED, State.APPROVED}


def measure(tickets: int) -> None:
    """Prints the times from the beginning of ``Desk.submit``, and from the approval's end."""
    with opened() as house:
        add_faces(house.record)
        add_models(house.record, model_names(1), write_recognizer(house.folder / "trivial.onnx"))
        house.start_worker(CPU)
        until(lambda: _idle(house), "an idle worker")
        _one(house, 0)  # loads the recogniser and the face set
        both = [_one(house, number) for number in range(1, tickets + 1)]
    whole, waited = ([pair[part] for pair in both] for part in (0, 1))
    print(f"\nfrom submission to an idle worker's first step, {tickets} tickets, one at a time")
    print(f"  from the first byte of the submission: p50 {p50(whole):.0f} ms, p95 {p95(whole):.0f}")
    print(
        f"  from the end of the approval:          p50 {p50(waited):.0f} ms, p95 {p95(waited):.0f}"
    )
    print(f"  aim: p95 at most {AIM:.0f} ms", flush=True)


def _one(house: House, number: int) -> tuple[float, float]:
    """Seconds until ``preparing`` is in the index: since the submission, since the approval."""
    record, made = house.record, subject(number)
    deadline = (datetime.now(UTC) + timedelta(days=20)).date()
    ground = LegalGround.CONSENT_WITHDRAWN
    request = Request(model_names(1)[0], f"DSR-{number}", ground, deadline, len(made))
    start = time.perf_counter()
    ticket = house.desk.submit(request, made, "load").id
    house.desk.approve(ticket, "load")
    approved = time.perf_counter()
    until(lambda: record.tickets.get(ticket).state not in _BEFORE, "the first step")
    begun = time.perf_counter()
    until(lambda: record.tickets.get(ticket).state is State.QUEUED, "the end of the preparation")
    until(lambda: _idle(house), "an idle worker")
    return begun - start, begun - approved


def _idle(house: House) -> bool:
    found = fleet.workers(house.record.redis)
    return bool(found) and not any(worker.busy for worker in found)
