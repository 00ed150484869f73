"""The task ``sweep``: what nobody works on goes back into the queue, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date

import pytest
from structlog.testing import capture_logs

from storage import condition, keys, names
from storage.models.registry import Model
from storage.queue import CPU, GPU
from storage.settings import Settings
from storage.tickets.request import LegalGround, Request
from storage.tickets.states import State
from tests.storage.pictures import photos
from tests.workers.workshop import MODEL, SUBJECT, Workshop, opened
from workers.erase import erase
from workers.prepare import prepare
from workers.sweep import sweep

TO_UNLEARNING = (State.APPROVED, State.PREPARING, State.QUEUED, State.UNLEARNING)
TO_PUBLISHING = (*TO_UNLEARNING, State.CERTIFYING, State.PUBLISHING)


@pytest.fixture
def left(settings: Settings) -> Iterator[Workshop]:
    """A record in which a crash left things lying; the sweep looks at no photo and no face."""
    with opened(settings) as workshop:
        workshop.record.models.create(Model(MODEL, "reference", "benchmark"))
        yield workshop


def put(workshop: Workshop, *states: State) -> str:
    """A ticket that went this way and was then forgotten."""
    request = Request(MODEL, SUBJECT, LegalGround.CONSENT_WITHDRAWN, date(2030, 1, 31), 3)
    ticket = workshop.record.tickets.submit(names.new_ticket_id(), request, "ada", {}).id
    for state in states:
        workshop.record.tickets.move(ticket, state, "worker")
    return ticket


def lengths(workshop: Workshop) -> tuple[int, int]:
    return workshop.queue.length(CPU), workshop.queue.length(GPU)


@pytest.mark.parametrize("count", range(3, len(TO_PUBLISHING) + 1))
def test_a_ticket_left_anywhere_in_an_erasure_is_sent_again_once(
    left: Workshop, count: int
) -> None:
    put(left, *TO_PUBLISHING[:count])
    sweep()
    assert lengths(left) == (0, 1)
    sweep()
    assert lengths(left) == (0, 1)


def test_a_sweep_that_comes_to_its_end_says_when(left: Workshop) -> None:
    assert condition.of_work(left.record).swept is None
    sweep()
    found = condition.of_work(left.record).swept
    assert found is not None
    assert found < 60


@pytest.mark.parametrize("count", [1, 2])
def test_a_ticket_left_before_or_in_preparation_is_sent_again_once(
    left: Workshop, count: int
) -> None:
    put(left, *TO_PUBLISHING[:count])
    sweep()
    sweep()
    assert lengths(left) == (1, 0)


def test_two_tickets_of_one_model_are_sent_as_one_erasure(left: Workshop) -> None:
    put(left, *TO_UNLEARNING)
    put(left, *TO_UNLEARNING[:3])
    sweep()
    assert lengths(left) == (0, 1)


def test_nothing_is_sent_while_a_worker_holds_the_lease(left: Workshop) -> None:
    ticket = put(left, State.APPROVED, State.PREPARING)
    put(left, *TO_UNLEARNING)
    leases = left.record.leases
    with leases.hold("model", MODEL), leases.hold("ticket", ticket):
        sweep()
    assert lengths(left) == (0, 0)
    sweep()
    assert lengths(left) == (1, 1)


def test_a_task_that_started_may_be_sent_again_when_its_worker_dies(left: Workshop) -> None:
    ticket = put(left, *TO_UNLEARNING)
    sweep()
    assert left.record.redis.exists(keys.sent("model", MODEL))
    with left.record.leases.hold("model", MODEL):
        erase(MODEL)  # delivered; it finds the lease held, and leaves
    assert not left.record.redis.exists(keys.sent("model", MODEL))
    sweep()
    assert lengths(left) == (0, 2)
    assert left.states(ticket)[-1] == "unlearning"


@pytest.mark.parametrize(
    "way",
    [
        (),
        (State.DENIED,),
        (State.CANCELLED,),
        (State.APPROVED, State.PREPARING, State.NEEDS_PHOTOS),
        (*TO_UNLEARNING, State.CERTIFYING, State.NEEDS_REVIEW),
        (*TO_UNLEARNING, State.FAILED),
        (*TO_PUBLISHING, State.COMPLETED),
    ],
)
def test_a_ticket_that_waits_for_a_person_or_has_ended_is_not_sent(
    left: Workshop, way: tuple[State, ...]
) -> None:
    put(left, *way)
    sweep()
    assert lengths(left) == (0, 0)


def test_a_ticket_whose_photos_are_gone_fails_after_some_sweeps_instead_of_going_round(
    left: Workshop,
) -> None:
    ticket = put(left, State.APPROVED)
    for _ in range(left.settings.task_attempts):
        sweep()
        prepare(ticket)
    assert left.state(ticket) is State.FAILED
    waiting = lengths(left)
    sweep()
    assert lengths(left) == waiting


def test_a_sweep_removes_photos_of_a_submission_that_died_and_logs_the_ticket_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LETHE_ORPHAN_SECONDS", "1")
    ticket, given = names.new_ticket_id(), photos(3)
    with opened(settings) as workshop, capture_logs() as logs:
        workshop.record.photos.keep(ticket, given)
        sweep()
        assert workshop.record.photos.all(ticket) == given
        time.sleep(1.1)
        sweep()
        assert list(workshop.record.objects.names("tickets/")) == []
    (entry,) = logs
    assert entry["ticket"] == ticket
    assert not any(photo.name in str(entry) or photo.sha256 in str(entry) for photo in given)


def test_a_sweep_over_an_empty_redis_indexes_what_waits_and_sends_it(left: Workshop) -> None:
    ticket = put(left, State.APPROVED)
    left.record.redis.flushall()
    sweep()
    assert left.record.tickets.recent() == [left.load(ticket)]
    assert lengths(left) == (1, 0)


def test_what_the_queue_did_not_take_is_sent_by_the_next_sweep(
    left: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(left, State.APPROVED)
    put(left, *TO_UNLEARNING)
    with monkeypatch.context() as patch:
        # Redis that goes away between the sweep's questions and the sending cannot be timed.
        patch.setattr("storage.queue.Queue._send", lambda *_: False)
        sweep()
    assert lengths(left) == (0, 0)
    sweep()
    assert lengths(left) == (1, 1)
