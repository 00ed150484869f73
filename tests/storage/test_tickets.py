"""Tickets: durable before they are acknowledged, listed from the index, replayed from events."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

import storage.tickets.registry
from storage import keys, names
from storage.canonical import Document
from storage.names import BadName
from storage.record import Record
from storage.tickets.events import Event, Notice
from storage.tickets.registry import NoSuchTicket, Overtaken
from storage.tickets.states import BadTransition, State
from storage.tickets.ticket import Ticket
from tests.storage.conftest import PATH, SUBJECT, request_for


def test_a_submitted_ticket_is_in_the_object_store_even_when_redis_loses_everything(
    record: Record, submit: Callable[..., Ticket]
):
    ticket = submit()
    record.redis.flushall()
    assert record.tickets.load(ticket.id) == ticket
    assert record.tickets.get(ticket.id) == ticket
    assert record.tickets.recent() == [ticket]


def test_a_ticket_shows_what_was_asked_by_whom(submit: Callable[..., Ticket]):
    ticket = submit()
    assert (ticket.state, ticket.subject, ticket.submitted_by) == (
        State.SUBMITTED,
        SUBJECT,
        "ada",
    )
    assert (ticket.photos, ticket.legal_ground, ticket.deadline) == (
        3,
        "gdpr-17-1-b",
        "2030-01-31",
    )
    assert ticket.days_left > 0


def test_bad_names_are_refused_before_anything_is_written(record: Record):
    ticket = names.new_ticket_id()
    for given in (request_for(subject="Jane Doe"), request_for(model="../other")):
        with pytest.raises(BadName):
            record.tickets.submit(ticket, given, "ada", {})
    with pytest.raises(BadName):
        record.tickets.submit("../../users/ada", request_for(), "ada", {})
    assert list(record.objects.names("")) == []
    assert record.tickets.recent() == []


def test_the_index_and_the_record_agree_after_every_step(
    record: Record, submit: Callable[..., Ticket]
):
    ticket = submit()
    for state in PATH:
        moved = record.tickets.move(ticket.id, state, "worker", note=f"now {state}")
        assert moved == record.tickets.get(ticket.id) == record.tickets.load(ticket.id)
        assert (moved.state, moved.note) == (state, f"now {state}")


def test_replay_keeps_every_result_and_the_newest_of_each_name(
    record: Record, submit: Callable[..., Ticket]
):
    ticket = submit()
    record.tickets.move(ticket.id, State.APPROVED, "ada", result={"version": 1, "a": [1]})
    record.tickets.move(ticket.id, State.PREPARING, "worker", data={"version": 9})
    record.tickets.move(ticket.id, State.FAILED, "worker", result={"version": 2})
    record.redis.flushall()
    assert record.tickets.get(ticket.id).result == {"version": 2, "a": [1]}


def test_counts_and_waiting_follow_state_and_model(record: Record, submit: Callable[..., Ticket]):
    first, second = submit("door"), submit("door")
    other = submit("gate", then=(State.APPROVED,))
    assert record.tickets.count("door", State.SUBMITTED) == 2
    assert record.tickets.waiting("door", State.SUBMITTED) == [first.id, second.id]
    record.tickets.move(first.id, State.APPROVED, "ada")
    assert record.tickets.waiting("door", State.SUBMITTED) == [second.id]
    assert record.tickets.waiting("door", State.APPROVED) == [first.id]
    assert record.tickets.waiting("gate", State.APPROVED) == [other.id]
    every = [(model, state) for model in ("door", "gate") for state in State]
    assert sum(record.tickets.count(model, state) for model, state in every) == 3
    assert record.tickets.count("none", State.SUBMITTED) == 0


def test_recent_lists_the_newest_first_by_model_and_state(
    record: Record, submit: Callable[..., Ticket]
):
    door, gate = submit("door"), submit("gate")
    last = submit("door", then=(State.DENIED,))
    assert [ticket.id for ticket in record.tickets.recent()] == [last.id, gate.id, door.id]
    assert [ticket.id for ticket in record.tickets.recent(model="door")] == [last.id, door.id]
    assert [ticket.id for ticket in record.tickets.recent(state=State.DENIED)] == [last.id]
    assert record.tickets.recent(model="gate", state=State.DENIED) == []
    assert [ticket.id for ticket in record.tickets.recent(limit=1)] == [last.id]


def test_a_ticket_that_is_not_there_is_said(record: Record):
    ticket = names.new_ticket_id()
    for look in (record.tickets.get, record.tickets.load, record.tickets.events):
        with pytest.raises(NoSuchTicket, match=ticket):
            look(ticket)
    with pytest.raises(NoSuchTicket, match=ticket):
        record.tickets.move(ticket, State.APPROVED, "ada")
    assert list(record.objects.names("tickets/")) == []


def test_threads_that_append_at_the_same_time_make_one_chain(
    record: Record, submit: Callable[..., Ticket]
):
    ticket = submit(then=PATH[:2])
    start = Barrier(4)

    def repeat(worker: int) -> None:
        start.wait()
        for _ in range(3):
            record.tickets.move(ticket.id, State.PREPARING, f"worker-{worker}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(repeat, range(4)))
    events = record.tickets.events(ticket.id)
    assert [event.number for event in events] == list(range(1, 16))
    actors = [event.actor for event in events[3:]]
    assert {actor: actors.count(actor) for actor in actors} == {f"worker-{i}": 3 for i in range(4)}


def test_of_two_threads_that_want_to_end_a_ticket_one_wins(
    record: Record, submit: Callable[..., Ticket]
):
    ticket = submit()
    start = Barrier(2)

    def end(state: State) -> bool:
        start.wait()
        try:
            record.tickets.move(ticket.id, state, "ada")
        except BadTransition:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(end, (State.DENIED, State.CANCELLED))) == [False, True]
    assert len(record.tickets.events(ticket.id)) == 2


def test_an_event_that_somebody_else_wrote_meanwhile_is_not_replaced(
    record: Record, submit: Callable[..., Ticket], monkeypatch: pytest.MonkeyPatch
):
    ticket = submit()
    before = record.tickets.events(ticket.id)
    record.tickets.move(ticket.id, State.APPROVED, "grace")
    # As a mover sees it who read the events, slept until its lock ran out, and goes on.
    monkeypatch.setattr(record.tickets, "events", lambda _: before)
    with pytest.raises(Overtaken, match=ticket.id):
        record.tickets.move(ticket.id, State.APPROVED, "mallory")
    monkeypatch.undo()
    assert [event.actor for event in record.tickets.events(ticket.id)] == ["ada", "grace"]


def test_a_mover_keeps_its_lock_while_the_store_takes_its_time_and_no_longer_than_it_lives(
    record: Record, submit: Callable[..., Ticket], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(storage.tickets.registry, "LOCK_SECONDS", 0.3)
    ticket = submit()
    put = record.objects.put_new

    def slowly(name: str, document: Document) -> str:
        time.sleep(1.0)
        return put(name, document)

    monkeypatch.setattr(record.objects, "put_new", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(record.tickets.move, ticket.id, State.APPROVED, "grace")
        time.sleep(0.1)
        second = pool.submit(record.tickets.move, ticket.id, State.CANCELLED, "ada")
        assert [first.result().events, second.result().events] == [2, 3]
    monkeypatch.undo()
    monkeypatch.setattr(storage.tickets.registry, "LOCK_SECONDS", 0.3)
    record.redis.set(keys.append_lock(ticket.id), "of a mover that was killed", px=300)
    assert record.tickets.note(ticket.id, Notice.ARCHIVED, "ada").events == 4


def test_a_mover_that_slept_past_its_lock_writes_nothing(
    record: Record, submit: Callable[..., Ticket]
):
    ticket = submit()
    events = record.tickets.events

    def asleep(name: str) -> list[Event]:
        found = events(name)
        record.redis.set(keys.append_lock(ticket.id), "another")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record.tickets, "events", asleep)
        with pytest.raises(Overtaken):
            record.tickets.move(ticket.id, State.APPROVED, "grace")
    assert len(record.tickets.events(ticket.id)) == 1
