"""A worker that is killed at any boundary of any stage: another one completes the ticket, once."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from storage import keys
from storage.queue import CPU, GPU
from storage.tickets.states import State
from tests.faults.crew import Crew, wait_until
from tests.workers.workshop import MODEL
from workers.erase import erase
from workers.prepare import prepare
from workers.sweep import sweep


def go_on(crew: Crew, ticket: str) -> None:
    """Time passes; the sweep sends what it must, and another worker takes it."""
    crew.time_passes(MODEL, ticket)
    crew.proxy.clear()
    sweep()
    queue, state = crew.workshop.queue, crew.workshop.state(ticket)
    if state in {State.APPROVED, State.PREPARING}:
        assert (queue.length(CPU), queue.length(GPU)) == (1, 0)
        prepare(ticket)
    elif state is not State.COMPLETED:
        assert (queue.length(CPU), queue.length(GPU)) == (0, 1)
    erase(MODEL)
    crew.check_completed_once(MODEL, ticket)


PREPARING = {
    "when the photos are read, before a crop is written": ("PUT", "/photos/crops/", 0),
    "when some crops are written": ("PUT", "/photos/crops/", 2),
    "when the crops are written, and not what they are for": ("PUT", "/photos/selection.json", 0),
    "when all is prepared, and the ticket not queued": ("PUT", "/000004-queued.json", 0),
}
ERASING = {
    "before unlearning begins": ("PUT", "-unlearning.json", 0),
    "when unlearning has begun, and nothing is read": ("GET", "/photos/selection.json", 0),
    "in mid-training after a checkpoint": ("PUT", "/checkpoint.npz", 1),
    "after the last step, before certifying": ("PUT", "-certifying.json", 0),
    "when it is certified, and nothing written": ("PUT", "-publishing.json", 0),
    "when publishing, with no version": ("PUT", "/versions/000002/model.onnx", 0),
    "when half of the version is written": ("PUT", "/versions/000002/manifest.json", 0),
    "when the version is written, and no certificate": ("PUT", "/certificates/.*json", 0),
    "when the certificate is written, and the alias not moved": ("PUT", "/aliases/current", 0),
    "when the alias is moved, and the photos are there": ("POST", "delete", 0),
    "when the photos are gone, and the ticket not completed": ("PUT", "-completed.json", 0),
    "when the ticket is completed, and its run is there": ("POST", "delete", 1),
}


@pytest.mark.parametrize("boundary", PREPARING.values(), ids=list(PREPARING))
def test_a_worker_is_killed_while_it_prepares(crew: Crew, boundary: tuple[str, str, int]) -> None:
    crew.model(MODEL)
    ticket = crew.approved(MODEL)
    rule = crew.hold(*boundary)
    hand = crew.hand("prepare", ticket)
    wait_until(lambda: rule.hits)
    hand.kill()
    go_on(crew, ticket)


@pytest.mark.parametrize("boundary", ERASING.values(), ids=list(ERASING))
def test_a_worker_is_killed_while_it_erases(crew: Crew, boundary: tuple[str, str, int]) -> None:
    crew.model(MODEL)
    ticket = crew.queued(MODEL)
    rule = crew.hold(*boundary)
    hand = crew.hand("erase", MODEL)
    wait_until(lambda: rule.hits)
    hand.kill()
    go_on(crew, ticket)


def test_a_worker_is_killed_while_it_certifies(crew: Crew) -> None:
    crew.model(MODEL)
    ticket = crew.queued(MODEL)
    hand = crew.hand("erase", MODEL)
    wait_until(lambda: crew.shown(ticket, "certifying"), every=0.001)
    hand.kill()
    assert crew.workshop.state(ticket) is State.CERTIFYING
    go_on(crew, ticket)


def test_a_ticket_that_failed_in_mid_training_goes_on_at_its_checkpoint_when_it_is_retried(
    crew: Crew,
) -> None:
    crew.model(MODEL)
    ticket = crew.queued(MODEL)
    rule = crew.hold("PUT", "/checkpoint.npz", 1)
    hand = crew.hand("erase", MODEL)
    wait_until(lambda: rule.hits)
    hand.kill()
    crew.time_passes(MODEL, ticket)
    crew.proxy.clear()
    most = crew.record.settings.task_attempts
    crew.record.redis.set(keys.attempts(ticket), most)  # it was killed as often before
    sweep()
    assert crew.workshop.state(ticket) is State.FAILED
    later = crew.queued(MODEL)  # would make it another run
    crew.workshop.desk.retry(ticket, "grace")
    with capture_logs() as logs:
        erase(MODEL)
    assert "checkpoint left aside: not of this run" not in {entry["event"] for entry in logs}
    assert crew.record.models.find(MODEL).made_by["tickets"] == [ticket]
    assert crew.workshop.state(later) is State.QUEUED
    erase(MODEL)
    crew.check_completed_once(MODEL, ticket, later, versions=3)
