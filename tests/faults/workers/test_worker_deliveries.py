"""Deliveries that come twice, late or in another order change nothing; nobody starves."""

from __future__ import annotations

import random
import time

import pytest

from storage import object_names
from storage.queue import CPU, ERASE, GPU, PREPARE
from storage.tickets.states import State
from tests.faults.crew import Crew, wait_until
from tests.faults.proxy import Fault
from tests.workers.workshop import MODEL, forget_connections
from workers.certification import certify
from workers.certification.evidence import BadEvidence
from workers.erase import erase
from workers.prepare import prepare
from workers.sweep import sweep

OTHER = "gate"
TASKS = {PREPARE: prepare, ERASE: erase}


def drain(crew: Crew) -> None:
    """One worker for both queues, and a clock, until nothing is left to do."""
    while (task := crew.next_task(CPU) or crew.next_task(GPU)) is not None:
        name, argument = task
        TASKS[name](argument)
        sweep()


@pytest.mark.parametrize(("task", "queued"), [("prepare", False), ("erase", True)])
def test_two_workers_that_get_one_task_at_once_do_it_once(
    crew: Crew, task: str, queued: bool
) -> None:
    crew.model(MODEL)
    ticket = crew.queued(MODEL) if queued else crew.approved(MODEL)
    crew.proxy.on(Fault.SLOW, "GET", "/facesets/reference/index", times=2, seconds=0.5)
    hands = [crew.hand(task, MODEL if queued else ticket) for _ in range(2)]
    assert [hand.end() for hand in hands] == [0, 0]
    states = crew.workshop.states(ticket)
    assert (states.count("preparing"), states.count("unlearning")) == (1, int(queued))
    drain(crew)
    erase(MODEL)
    crew.check_completed_once(MODEL, ticket)


@pytest.mark.parametrize("seed", range(2))
def test_deliveries_in_any_order_any_number_of_times_complete_each_ticket_once(
    crew: Crew, seed: int
) -> None:
    crew.model(MODEL)
    tickets = [crew.approved(MODEL) for _ in range(2)]
    chance = random.Random(seed)
    given = [(prepare, ticket) for ticket in tickets for _ in range(2)] + [(erase, MODEL)] * 4
    chance.shuffle(given)
    for task, argument in given:
        task(argument)
    drain(crew)
    versions = max(crew.record.models.numbers(MODEL))
    assert versions in {2, 3}  # as they came: in one run, or in two
    crew.check_completed_once(MODEL, *tickets, versions=versions)
    kept = crew.kept()
    for task, argument in given:  # all of them once more, far too late
        task(argument)
    assert crew.kept() == kept
    assert (crew.workshop.queue.length(CPU), crew.workshop.queue.length(GPU)) == (0, 0)


def test_a_model_with_many_tickets_goes_behind_the_others_after_each_run(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LETHE_TICKETS_PER_RUN", "1")
    forget_connections()
    many = [crew.queued(crew.model(MODEL)), crew.queued(MODEL), crew.queued(MODEL)]
    one = crew.queued(crew.model(OTHER))
    crew.workshop.queue.erase(MODEL)
    crew.workshop.queue.erase(OTHER)
    order = []
    while (task := crew.next_task(GPU)) is not None:
        erase(task[1])
        order.append(task[1])
    assert order == [MODEL, OTHER, MODEL, MODEL]
    crew.check_completed_once(MODEL, *many, versions=4)
    assert crew.workshop.state(one) is State.COMPLETED


def test_one_tickets_damaged_photos_fail_it_alone_and_the_others_complete(crew: Crew) -> None:
    crew.model(MODEL)
    damaged, gone, good = (crew.queued(MODEL) for _ in range(3))
    digest = crew.workshop.selection(damaged).forget[0]
    crew.record.objects.put(object_names.crop(damaged, digest), b"something else")
    crew.record.objects.remove_all(
        object_names.crop(gone, crew.workshop.selection(gone).held_out[0])
    )
    crew.workshop.queue.erase(MODEL)
    drain(crew)
    assert crew.workshop.state(damaged) is crew.workshop.state(gone) is State.FAILED
    assert "damaged" in crew.workshop.load(damaged).note
    assert "gone" in crew.workshop.load(gone).note
    for ticket in (damaged, gone):
        assert digest not in crew.workshop.written(ticket)
        crew.workshop.desk.cancel(ticket, "ada")
    crew.check_completed_once(MODEL, good)


def test_bad_input_that_names_no_ticket_fails_the_one_alone_that_brings_it(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew.model(MODEL)
    bad, good = crew.queued(MODEL), crew.queued(MODEL)

    def certify_all_but_one(*given: object, **named: object) -> object:
        if bad in {subject.reference for subject in given[2]}:  # type: ignore[attr-defined]
            raise BadEvidence("the bad ticket's photos cannot be certified with")
        return certify(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("workers.erase.certify", certify_all_but_one)
    crew.workshop.queue.erase(MODEL)
    drain(crew)
    assert crew.workshop.state(bad) is State.FAILED
    assert "cannot be certified" in crew.workshop.load(bad).note
    crew.workshop.desk.cancel(bad, "ada")
    sweep()  # its run was the last one, or not; what is left of it goes
    crew.check_completed_once(MODEL, good)


@pytest.mark.parametrize(
    ("fault", "at"),
    [
        (Fault.ANSWER_500, "/checkpoint.npz"),
        (Fault.CUT_ANSWER, "/manifest.json"),
        (None, "-publishing.json"),
    ],
    ids=["500 in training", "cut in publishing", "down before publishing"],
)
def test_a_store_that_fails_for_two_seconds_in_mid_run_costs_at_most_attempts(
    crew: Crew, fault: Fault | None, at: str
) -> None:
    crew.model(MODEL)
    ticket = crew.queued(MODEL)
    rule = crew.proxy.on(Fault.SLOW, "PUT", at, times=1, seconds=0.2)
    hand = crew.hand("erase", MODEL)
    wait_until(lambda: rule.hits)
    if fault:
        crew.proxy.on(fault)
    else:
        crew.proxy.down()
    time.sleep(2.0)
    crew.proxy.clear()
    if not fault:
        crew.proxy.up()
    hand.end()

    def done() -> bool:
        sweep()
        drain(crew)
        return crew.workshop.state(ticket) is State.COMPLETED

    wait_until(done, every=0.1)
    crew.check_completed_once(MODEL, ticket)
