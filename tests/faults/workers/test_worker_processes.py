"""Whole workers, as they are deployed: asked to end in each stage, killed, and cut off."""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest

from lethe.stack.process import Process
from storage.tickets.states import State
from tests.faults.crew import Crew, Yard, wait_until
from tests.faults.proxy import Fault
from tests.workers.workshop import MODEL

OTHER = "gate"
Boundary = tuple[str, str, int]  # method and path of a request, and how many pass before


def in_stage(crew: Crew, yard: Yard, stage: Boundary) -> tuple[str, Process]:
    """A ticket in the midst of a stage, and the worker that has it."""
    yard.staff(2)
    crew.model(MODEL)
    ticket = crew.approved(MODEL)
    method, path, skip = stage
    rule = crew.proxy.on(Fault.SLOW, method, path, skip=skip, times=1, seconds=1.0)
    crew.workshop.queue.prepare(ticket)
    wait_until(lambda: rule.hits)
    return ticket, yard.busy(crew.record)


PREPARING: Boundary = ("GET", "/photos/manifest.json", 0)
TRAINING: Boundary = ("PUT", "/checkpoint.npz", 0)


@pytest.mark.parametrize(
    ("stage", "number"),
    [(PREPARING, signal.SIGTERM), (TRAINING, signal.SIGTERM), (TRAINING, signal.SIGQUIT)],
    ids=["preparing", "training", "training, by a cold shutdown"],
)
def test_a_worker_that_is_asked_to_end_leaves_the_ticket_to_another_and_uses_up_no_attempt(
    crew: Crew, yard: Yard, stage: Boundary, number: signal.Signals
) -> None:
    ticket, worker = in_stage(crew, yard, stage)
    worker.stop_signal = number
    worker.ask_to_stop()
    assert crew.complete(ticket) <= 1
    crew.check_completed_once(MODEL, ticket)
    stopped = '"reason": "Stopping"' in worker.log.read_text()
    assert stopped == (stage is TRAINING)  # preparation takes no longer than a worker may


def test_a_worker_whose_child_is_killed_in_mid_training_completes_the_ticket(
    crew: Crew, yard: Yard
) -> None:
    ticket, worker = in_stage(crew, yard, TRAINING)
    child = next(
        each
        for each in psutil.Process(worker.popen.pid).children()
        if each.cpu_times().user > 0 and each.status() != psutil.STATUS_ZOMBIE
    )
    child.kill()
    assert crew.complete(ticket) == 2
    assert worker.alive()
    crew.check_completed_once(MODEL, ticket)


def test_a_worker_that_is_killed_leaves_no_child_and_another_completes_the_ticket(
    crew: Crew, yard: Yard
) -> None:
    ticket, worker = in_stage(crew, yard, TRAINING)
    children = psutil.Process(worker.popen.pid).children()
    os.kill(worker.popen.pid, signal.SIGKILL)
    worker.popen.wait()
    psutil.wait_procs(children, timeout=5)
    assert not any(child.is_running() for child in children)
    assert crew.complete(ticket) == 2
    crew.check_completed_once(MODEL, ticket)


def test_two_models_are_erased_side_by_side_by_two_workers(crew: Crew, yard: Yard) -> None:
    yard.staff(2)
    tickets = {model: crew.queued(crew.model(model)) for model in (MODEL, OTHER)}
    for model in tickets:
        crew.workshop.queue.erase(model)
    crew.complete(*tickets.values())
    spans = []
    for model, ticket in tickets.items():
        at = {event.state: event.at for event in crew.record.tickets.events(ticket)}
        spans.append((at[State.UNLEARNING], at[State.COMPLETED]))
        crew.check_completed_once(model, ticket)
    (one, end_one), (two, end_two) = spans
    assert max(one, two) < min(end_one, end_two)


def test_a_redis_that_is_killed_in_mid_training_and_comes_back_costs_an_attempt_at_most(
    crew: Crew, yard: Yard
) -> None:
    ticket, _ = in_stage(crew, yard, TRAINING)
    time.sleep(1.1)  # what is a second old is on its disk
    yard.redis.kill()
    time.sleep(1.0)
    yard.redis.start()
    assert crew.complete(ticket) <= 2
    crew.check_completed_once(MODEL, ticket)
