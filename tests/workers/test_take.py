"""What a delivery takes: one run's tickets, and nobody waits for long behind somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from storage import keys, object_names
from storage.models.registry import MODEL_FILE, Model
from storage.settings import Settings
from storage.tickets.states import State
from tests.workers.cast import RECOGNISER
from tests.workers.test_sweep import TO_PUBLISHING, TO_UNLEARNING, put
from tests.workers.workshop import MODEL, Workshop, opened
from workers.attempts import APART, attempt
from workers.kept_run import keep_tickets
from workers.take import take, waits

TO_QUEUED = TO_UNLEARNING[:3]


@pytest.fixture
def left(settings: Settings) -> Iterator[Workshop]:
    with opened(settings.model_copy(update={"sweep_seconds": 600})) as workshop:
        workshop.record.models.create(Model(MODEL, "reference", "benchmark"))
        yield workshop


def taken(workshop: Workshop) -> list[str]:
    return [ticket.id for ticket in take(workshop.record, MODEL)]


def fails(workshop: Workshop, *tickets: str) -> None:
    with attempt(workshop.record, tickets):
        raise RuntimeError


def test_those_that_a_run_left_behind_go_on_without_those_that_came_later(left: Workshop) -> None:
    one, two = put(left, *TO_UNLEARNING), put(left, *TO_PUBLISHING)
    put(left, *TO_QUEUED)
    assert taken(left) == [two, one]


def test_a_run_takes_so_many_and_the_earliest_first(left: Workshop) -> None:
    most = left.settings.tickets_per_run
    tickets = [put(left, *TO_QUEUED) for _ in range(most + 2)]
    assert taken(left) == tickets[:most]


def test_a_retry_of_a_runs_tickets_is_that_run_again_whoever_waits(left: Workshop) -> None:
    put(left, *TO_QUEUED)
    two, one = (put(left, *TO_UNLEARNING, State.FAILED) for _ in range(2))
    keep_tickets(left.record.objects, MODEL, [one, two])
    left.record.tickets.move(one, State.QUEUED, "ada")
    assert len(taken(left)) == 2  # who waits, and the one: not that run
    left.record.tickets.move(two, State.QUEUED, "ada")
    assert taken(left) == [one, two]


def test_a_kept_run_that_names_somebody_who_is_gone_is_nobodys(left: Workshop) -> None:
    ticket = put(left, *TO_QUEUED)
    keep_tickets(left.record.objects, MODEL, [ticket, "t00000000000z"])
    assert taken(left) == [ticket]
    left.record.objects.put(object_names.run_tickets(MODEL), b"not a document")
    assert taken(left) == [ticket]


def test_a_run_of_several_that_failed_twice_is_taken_apart_and_the_others_complete(
    left: Workshop,
) -> None:
    poison, *good = tickets = [put(left, *TO_UNLEARNING) for _ in range(3)]
    went_well: list[str] = []
    for _ in range(APART):
        assert sorted(taken(left)) == sorted(tickets)
        fails(left, *tickets)
        for ticket in tickets:
            left.record.redis.delete(keys.rest(ticket))  # time passes
    while len(went_well) < len(good):
        (ticket,) = taken(left)
        if ticket == poison:
            fails(left, ticket)
        else:
            for state in (*TO_PUBLISHING[4:], State.COMPLETED):
                left.record.tickets.move(ticket, state, "worker")
            with attempt(left.record, [ticket]):
                went_well.append(ticket)
    assert sorted(went_well) == sorted(good)
    for _ in range(left.settings.task_attempts):
        if left.state(poison) is not State.FAILED:
            assert taken(left) == [poison]
            fails(left, poison)
    assert left.state(poison) is State.FAILED


def test_one_that_failed_alone_several_times_lets_others_by_while_it_rests(left: Workshop) -> None:
    bad = put(left, *TO_UNLEARNING)
    fails(left, bad)
    good = put(left, *TO_QUEUED)
    assert not waits(left.record, MODEL)  # both go on when the bad one has rested, for a moment
    fails(left, bad)
    assert waits(left.record, MODEL)
    assert taken(left) == [good]
    left.record.redis.delete(keys.rest(bad))
    assert taken(left) == [bad]


def test_tickets_of_one_version_are_finished_together_however_often_that_failed(
    left: Workshop,
) -> None:
    one, two, other = (put(left, *TO_PUBLISHING) for _ in range(3))
    with left.record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        made_by = {"tickets": [one, two]}
        files = {MODEL_FILE: RECOGNISER}
        left.record.models.publish(MODEL, files, made_by, parent=None, lease=lease)
    for _ in range(APART):
        fails(left, one, two, other)
    assert taken(left) == [one, two]


def test_a_ticket_in_publishing_beside_one_that_was_cancelled_is_sent_again(left: Workshop) -> None:
    put(left, *TO_PUBLISHING)
    put(left, *TO_UNLEARNING, State.CANCELLED)
    assert waits(left.record, MODEL)


def test_an_index_that_is_wrong_about_a_ticket_is_put_right(left: Workshop) -> None:
    ended, later = put(left, *TO_UNLEARNING), put(left, *TO_QUEUED)
    old = {ticket: left.load(ticket) for ticket in (ended, later)}
    left.record.tickets.move(ended, State.CANCELLED, "ada")
    left.record.tickets.move(later, State.UNLEARNING, "worker")
    for ticket in old.values():
        left.record.tickets.index.write(ticket, force=True)
    assert taken(left) == [later]
    assert left.record.tickets.get(ended).state is State.CANCELLED
    assert left.record.tickets.get(later).state is State.UNLEARNING
    assert left.record.tickets.waiting(MODEL, State.QUEUED) == []


def test_a_ticket_whose_chain_is_broken_keeps_no_other_waiting(left: Workshop) -> None:
    broken, good = put(left, *TO_QUEUED), put(left, *TO_QUEUED)
    name = left.record.tickets.events(broken)[-1].name
    left.record.objects.put(name, b"{}")
    assert taken(left) == [good]


def test_what_the_index_alone_knows_is_not_taken(left: Workshop) -> None:
    ticket = left.load(put(left, *TO_QUEUED))
    left.record.tickets.index.write(replace(ticket, id="t00000000000z"))
    assert taken(left) == [ticket.id]
