"""A worker that is asked to end, or sleeps past its lease: another one goes on, it does not."""

from __future__ import annotations

import signal
from functools import partial
from typing import Any

import pytest

from storage import keys, object_names
from storage.queue import CPU, GPU
from storage.tickets.states import State
from tests.faults.crew import Crew, wait_until
from tests.faults.hands import Hand
from tests.faults.proxy import Fault
from tests.workers.workshop import MODEL
from workers import stopping
from workers.attempts import attempts
from workers.erase import erase
from workers.prepare import prepare
from workers.unlearning import Step

Boundary = tuple[str, str, int]
SLOW = 0.7  # seconds that the store takes for the request at which something happens
READING: Boundary = ("GET", "/facesets/reference/index.json", 0)
TRAINING: Boundary = ("PUT", "/checkpoint.npz", 0)
PUBLISHING: Boundary = ("GET", "/photos/selection.json", 1)  # the version is written


def at_work(crew: Crew, ticket: str, task: str, stage: Boundary | None, lease: int = 60) -> Hand:
    """A hand in the midst of a stage: certifying where there is no boundary."""
    rule = None
    if stage:
        method, path, skip = stage
        rule = crew.proxy.on(Fault.SLOW, method, path, skip=skip, times=1, seconds=SLOW)
    hand = crew.hand(task, ticket if task == "prepare" else MODEL, LEASE_SECONDS=lease)
    if rule:
        wait_until(lambda: rule.hits)
    else:
        wait_until(lambda: crew.shown(ticket, "certifying"), every=0.001)
    return hand


@pytest.mark.parametrize(
    ("stage", "state"),
    [(READING, State.UNLEARNING), (TRAINING, State.UNLEARNING), (None, State.CERTIFYING)],
    ids=["while faces are read", "training", "certifying"],
)
def test_a_worker_that_is_asked_to_end_stops_at_the_next_step_and_sends_the_task_again(
    crew: Crew, stage: Boundary | None, state: State
) -> None:
    crew.model(MODEL)
    ticket = crew.queued(MODEL)
    hand = at_work(crew, ticket, "erase", stage)
    hand.send(signal.SIGTERM)
    assert wait_until(lambda: crew.workshop.queue.length(GPU)) < 5.0
    assert not crew.record.leases.held("model", MODEL)
    assert crew.workshop.state(ticket) is state
    assert attempts(crew.record, [ticket]) == {ticket: 0}
    assert not crew.record.redis.exists(keys.rest(ticket))
    if stage is not READING:
        assert crew.record.objects.exists(object_names.checkpoint(MODEL))
    assert hand.end() == 0
    erase(MODEL)
    crew.check_completed_once(MODEL, ticket)


def test_a_worker_that_is_asked_to_end_while_it_publishes_publishes(crew: Crew) -> None:
    crew.model(MODEL)
    ticket = crew.queued(MODEL)
    hand = at_work(crew, ticket, "erase", PUBLISHING)
    hand.send(signal.SIGTERM)
    assert hand.end() == 0
    crew.check_completed_once(MODEL, ticket)


def test_a_worker_that_comes_to_no_step_lets_go_of_its_model_before_it_is_killed(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew.model(MODEL)
    ticket = crew.queued(MODEL)

    def unlearn_slowly(*given: Any) -> None:
        stopping.ask()
        wait_until(lambda: crew.workshop.queue.length(GPU))
        assert not crew.record.leases.held("model", MODEL)
        assert attempts(crew.record, [ticket]) == {ticket: 0}
        stopping.forget()
        given[4](Step(0.5, "at last"))  # the watch
        raise AssertionError("it went on without its lease")

    with monkeypatch.context() as patch:
        patch.setattr("workers.erase.unlearn", unlearn_slowly)
        patch.setattr("workers.erase.or_let_go", partial(stopping.or_let_go, patience=0.1))
        erase(MODEL)
    assert crew.workshop.state(ticket) is State.UNLEARNING
    erase(MODEL)
    crew.check_completed_once(MODEL, ticket)


@pytest.mark.parametrize(
    "stage", [TRAINING, None, PUBLISHING], ids=["training", "certifying", "publishing"]
)
def test_a_worker_that_sleeps_past_its_lease_writes_nothing_when_it_wakes_up(
    crew: Crew, stage: Boundary | None
) -> None:
    crew.model(MODEL)
    ticket = crew.queued(MODEL)
    hand = at_work(crew, ticket, "erase", stage, lease=2)
    hand.send(signal.SIGSTOP)
    wait_until(lambda: not crew.record.leases.held("model", MODEL))
    erase(MODEL)
    crew.check_completed_once(MODEL, ticket)
    kept = crew.kept()
    hand.send(signal.SIGCONT)
    assert hand.end() == 0
    assert crew.kept() == kept
    crew.check_completed_once(MODEL, ticket)


def test_a_worker_that_sleeps_while_it_prepares_brings_no_photo_back(crew: Crew) -> None:
    crew.model(MODEL)
    ticket = crew.approved(MODEL)
    hand = at_work(crew, ticket, "prepare", ("GET", "/photos/manifest.json", 0), lease=2)
    hand.send(signal.SIGSTOP)
    wait_until(lambda: not crew.record.leases.held("ticket", ticket))
    prepare(ticket)
    erase(MODEL)
    crew.check_completed_once(MODEL, ticket)
    kept = crew.kept()
    hand.send(signal.SIGCONT)
    assert hand.end() == 0
    assert crew.kept() == kept


CANCELLED: dict[str, Boundary | None] = {
    "while faces are read": READING,
    "training": TRAINING,
    "certifying": None,
}


@pytest.mark.parametrize("stage", CANCELLED.values(), ids=list(CANCELLED))
def test_a_ticket_that_is_cancelled_on_the_gpu_frees_it_within_seconds(
    crew: Crew, stage: Boundary | None
) -> None:
    crew.model(MODEL)
    ticket = crew.queued(MODEL)
    hand = at_work(crew, ticket, "erase", stage)
    crew.workshop.desk.cancel(ticket, "ada")
    assert wait_until(lambda: not crew.record.leases.held("model", MODEL)) < 5.0
    assert hand.end() == 0
    assert crew.workshop.state(ticket) is State.CANCELLED
    assert crew.record.models.numbers(MODEL) == [1]
    assert (
        set(crew.kept()) & {object_names.checkpoint(MODEL), object_names.run_tickets(MODEL)}
        == set()
    )
    assert crew.record.photos.left(ticket) == 0
    assert crew.record.ledger.verify().broken == ()
    assert (crew.workshop.queue.length(CPU), crew.workshop.queue.length(GPU)) == (0, 0)
