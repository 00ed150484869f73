"""Attempts: what fails is tried again after ever longer, so many times; then it has failed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from storage import keys
from storage.canonical import sha256
from storage.models.registry import Model
from storage.queue import CPU, GPU
from storage.settings import Settings
from storage.tickets.states import State
from tests.workers.test_sweep import TO_UNLEARNING, lengths, put
from tests.workers.workshop import MODEL, Workshop, opened
from workers.attempts import LONGEST_REST, RunChanged, attempt
from workers.sweep import sweep

NAME = "grandma-1961.jpg"


@pytest.fixture
def left(settings: Settings) -> Iterator[Workshop]:
    with opened(settings.model_copy(update={"sweep_seconds": 600})) as workshop:
        workshop.record.models.create(Model(MODEL, "reference", "benchmark"))
        yield workshop


def crash(workshop: Workshop, *tickets: str) -> None:
    """An attempt that fails as a library would, with a photo's name in what it says."""
    with attempt(workshop.record, tickets):
        try:
            raise KeyError(NAME)
        except KeyError as error:
            raise RuntimeError(f"cannot read {NAME}") from error


def killed(workshop: Workshop, *tickets: str) -> None:
    """An attempt whose worker ended in it: it began, and nothing more came."""
    attempt(workshop.record, tickets).__enter__()


def rest(workshop: Workshop, ticket: str) -> int:
    """Seconds until the sweep may send the ticket again."""
    return max(0, int(workshop.record.redis.ttl(keys.rest(ticket))))


def wake(workshop: Workshop, ticket: str) -> None:
    workshop.record.redis.delete(keys.rest(ticket), keys.sent("model", MODEL))
    workshop.record.redis.delete(keys.sent("ticket", ticket))


def test_each_failure_doubles_the_rest_up_to_an_hour(left: Workshop) -> None:
    ticket = put(left, *TO_UNLEARNING)
    rests = []
    for _ in range(left.settings.task_attempts - 1):
        crash(left, ticket)
        rests.append(rest(left, ticket))
    wanted = [600, 1200, 2400, LONGEST_REST]
    assert rests == pytest.approx(wanted, abs=5)


@pytest.mark.parametrize("states", [(State.APPROVED,), TO_UNLEARNING])
def test_the_sweep_sends_what_failed_only_after_its_rest(
    left: Workshop, states: tuple[State, ...]
) -> None:
    ticket = put(left, *states)
    crash(left, ticket)
    sweep()
    assert lengths(left) == (0, 0)
    left.record.redis.delete(keys.rest(ticket))
    sweep()
    assert sum(lengths(left)) == 1


def test_a_ticket_that_rests_keeps_no_other_model_waiting(left: Workshop) -> None:
    left.record.models.create(Model("gate", "reference", "benchmark"))
    crash(left, put(left, *TO_UNLEARNING))
    other = put(left, State.APPROVED)
    sweep()
    assert lengths(left) == (1, 0)
    assert left.record.redis.exists(keys.sent("ticket", other))


def test_after_the_last_attempt_the_ticket_has_failed_with_the_digest_of_what_the_log_holds(
    left: Workshop,
) -> None:
    ticket = put(left, *TO_UNLEARNING)
    with capture_logs() as logs:
        for _ in range(left.settings.task_attempts):
            crash(left, ticket)
    found = left.load(ticket)
    assert found.state is State.FAILED
    digest = re.fullmatch(
        r"tried 5 times; the last time: RuntimeError in crash, traceback ([0-9a-f]{64})", found.note
    )
    assert digest is not None
    assert sha256(logs[-1]["traceback"].encode()) == digest.group(1)
    assert len({entry["digest"] for entry in logs}) == 1  # the same fault has the same digest


def test_the_traceback_is_in_the_log_with_its_cause_and_without_the_photos_name(
    left: Workshop,
) -> None:
    ticket = put(left, *TO_UNLEARNING)
    with capture_logs() as logs:
        crash(left, ticket)
    (entry,) = logs
    assert entry["traceback"].index("KeyError") < entry["traceback"].index("RuntimeError")
    assert "in crash" in entry["traceback"]
    assert NAME not in str(entry)
    assert NAME not in left.written(ticket)


def test_a_ticket_that_kills_its_worker_each_time_fails_instead_of_going_round(
    left: Workshop,
) -> None:
    ticket = put(left, *TO_UNLEARNING)
    for number in range(left.settings.task_attempts):
        sweep()
        assert lengths(left) == (0, number + 1)
        killed(left, ticket)
        wake(left, ticket)
    sweep()
    assert left.state(ticket) is State.FAILED
    assert left.load(ticket).note == "tried 5 times; the last time its worker was killed"
    assert lengths(left) == (0, left.settings.task_attempts)


def test_one_that_was_killed_once_is_sent_at_once_and_rests_from_the_second_time_on(
    left: Workshop,
) -> None:
    ticket = put(left, State.APPROVED)
    killed(left, ticket)
    assert rest(left, ticket) == 0
    killed(left, ticket)
    assert rest(left, ticket) == pytest.approx(1200, abs=5)


def test_a_ticket_in_its_last_attempt_is_not_given_up_while_somebody_works_on_it(
    left: Workshop,
) -> None:
    ticket = put(left, *TO_UNLEARNING)
    for _ in range(left.settings.task_attempts):
        killed(left, ticket)
    with left.record.leases.hold("model", MODEL):
        sweep()
    assert left.state(ticket) is State.UNLEARNING


def test_other_tickets_of_the_model_go_on_when_one_is_given_up(left: Workshop) -> None:
    bad, good = put(left, *TO_UNLEARNING), put(left, *TO_UNLEARNING[:3])
    for _ in range(left.settings.task_attempts):
        killed(left, bad)
    sweep()
    assert (left.state(bad), left.state(good)) == (State.FAILED, State.QUEUED)
    assert lengths(left) == (0, 1)


def test_what_went_well_or_was_changed_by_a_person_counts_for_nothing(left: Workshop) -> None:
    ticket = put(left, *TO_UNLEARNING)
    for way in (None, RunChanged):
        crash(left, ticket)
        with attempt(left.record, [ticket]):
            if way:
                raise way
        assert not left.record.redis.exists(keys.attempts(ticket), keys.rest(ticket))


def test_a_retry_begins_to_count_anew_and_does_not_rest(left: Workshop) -> None:
    ticket = put(left, State.APPROVED)
    for _ in range(left.settings.task_attempts):
        crash(left, ticket)
    assert left.state(ticket) is State.FAILED
    left.desk.retry(ticket, "grace")
    assert not left.record.redis.exists(keys.attempts(ticket), keys.rest(ticket))
    assert left.queue.length(CPU) == 1
    assert left.queue.length(GPU) == 0
