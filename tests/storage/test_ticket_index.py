"""The index of tickets: pages, counts, and what becomes of it when it is behind the record."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

from storage import keys, names, object_names
from storage.record import Record
from storage.tickets.states import State
from storage.tickets.strays import refresh
from storage.tickets.ticket import Ticket
from storage.tickets.ticket_index import TicketIndex
from tests.storage.conftest import MODEL, PATH, request_for

AT = "2026-03-01T09:00:{:02d}.000+00:00"


@pytest.fixture
def index(record: Record) -> TicketIndex:
    return record.tickets.index


def ticket(number: int, second: int | None = None, **changed: object) -> Ticket:
    at = AT.format(number if second is None else second)
    request = request_for().document()
    made = Ticket(
        id=f"t{number:012d}",
        state=State.SUBMITTED,
        submitted_at=at,
        submitted_by="ada",
        updated_at=at,
        **request,
    )
    return replace(made, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [range(10), [5] * 10, [1, 1, 1, 2, 2, 2, 2, 3, 3, 3]])
@pytest.mark.parametrize("limit", [1, 2, 3, 10, 11])
def test_pages_together_show_every_ticket_once_and_the_newest_first(
    record: Record, index: TicketIndex, seconds: list[int], limit: int
):
    tickets = [ticket(number, second) for number, second in enumerate(seconds)]
    for each in random.Random(0).sample(tickets, len(tickets)):
        index.write(each)
    shown: list[str] = []
    while page := record.tickets.recent(limit=limit, after=shown[-1] if shown else None):
        shown += [each.id for each in page]
    assert shown == [each.id for each in reversed(tickets)]


def test_a_page_goes_on_behind_a_ticket_that_has_left_the_list_meanwhile(
    record: Record, index: TicketIndex
):
    page = partial(record.tickets.recent, model=MODEL, state=State.SUBMITTED, limit=3)
    for number in range(6):
        index.write(ticket(number))
    first = page()
    index.write(ticket(3, state=State.DENIED, events=2))
    assert first[-1] == ticket(3)
    assert page(after=first[-1].id) == [ticket(number) for number in (2, 1, 0)]
    assert record.tickets.recent(limit=3, after=names.new_ticket_id()) == []


@pytest.mark.parametrize("seed", range(5))
def test_states_that_arrive_in_any_order_leave_the_last_one(index: TicketIndex, seed: int):
    states = [State.SUBMITTED, *PATH]
    steps = [ticket(1, state=state, events=n) for n, state in enumerate(states, start=1)]
    for step in random.Random(seed).choices(steps, k=20):
        index.write(step)
    index.write(steps[-1])
    for step in random.Random(seed).choices(steps, k=20):
        index.write(step)
    assert index.get(steps[0].id) == steps[-1]
    assert index.counts() == {(MODEL, State.COMPLETED): 1}
    assert [state for state in State if index.waiting(None, state)] == [State.COMPLETED]


def test_many_writers_at_once_keep_counts_and_lists_in_step(record: Record, index: TicketIndex):
    draw = random.Random(1)
    tickets = [
        ticket(number, state=draw.choice(list(State)), model=draw.choice(["door", "gate"]))
        for number in range(50)
    ]
    moved = [replace(each, state=draw.choice(list(State)), events=2) for each in tickets]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(index.write, draw.sample(tickets + moved, 100)))
    wanted = Counter((each.model, each.state) for each in moved)
    assert index.counts() == wanted
    for (model, state), count in wanted.items():
        assert len(index.waiting(model, state)) == index.count(model, state) == count
    for each in moved:
        index.remove(each.id)
    assert index.counts() == {}
    assert index.all() == set()
    assert record.tickets.recent() == []


def test_an_open_ticket_that_moved_unseen_is_indexed_by_the_sweep(
    record: Record, submit: Callable[..., Ticket]
):
    stale = [submit() for _ in range(3)]
    for each in stale[1:]:
        record.tickets.move(each.id, State.APPROVED, "ada")
        record.tickets.index.write(each, force=True)  # as a mover leaves it that died in between
    assert sorted(refresh(record, 2) + refresh(record, 2)) == sorted(each.id for each in stale[1:])
    assert record.tickets.waiting(MODEL, State.APPROVED) == [each.id for each in stale[1:]]
    assert refresh(record) == []


def test_a_chain_that_breaks_keeps_no_other_ticket_stale(
    record: Record, submit: Callable[..., Ticket]
):
    broken, stale = submit(), submit()
    record.objects.put(object_names.event(broken.id, 2, State.APPROVED), b"{}")
    record.tickets.move(stale.id, State.APPROVED, "ada")
    record.tickets.index.write(stale, force=True)
    assert refresh(record) == [stale.id]


def test_a_ticket_whose_last_event_was_removed_breaks_the_ledger(
    record: Record, submit: Callable[..., Ticket]
):
    found = submit(then=(State.APPROVED, State.PREPARING))
    record.objects.remove_all(object_names.event(found.id, 3, State.PREPARING))
    assert record.ledger.verify().broken == (
        f"ticket {found.id}: its last events are gone: 3 to 3",
    )
    record.objects.remove_all(object_names.ticket_folder(found.id))
    line = f"ticket {found.id}: is gone from the record, which had it"
    assert record.ledger.verify().broken == (line,)
    assert record.ledger.rebuild().broken == (line,)
    assert record.ledger.verify().broken == ()  # nothing that is left could know


def test_rebuilding_says_of_which_ticket_the_record_has_less_than_the_index_had(
    record: Record, submit: Callable[..., Ticket]
):
    found = submit(then=(State.APPROVED,))
    record.objects.remove_all(object_names.event(found.id, 2, State.APPROVED))
    line = f"ticket {found.id}: its last events are gone: 2 to 2"
    assert record.ledger.rebuild().broken == (line,)
    assert record.tickets.get(found.id).state is State.SUBMITTED


def test_rebuilding_removes_what_an_older_version_kept_in_redis(record: Record):
    older = ("lethe:tickets", f"lethe:tickets:{MODEL}:submitted", "lethe:ticket:t0123456789ab")
    for key in older:
        record.redis.set(key, "DSR-2026-0142")
    record.ledger.rebuild()
    assert not record.redis.exists(*older)


def test_rebuilding_takes_out_what_the_record_lacks(record: Record, submit: Callable[..., Ticket]):
    kept, gone = submit(), submit()
    record.redis.sadd(keys.MODELS, "never-was")
    record.objects.remove_all(object_names.ticket_folder(gone.id))
    record.ledger.rebuild()
    assert record.tickets.recent() == [kept]
    assert record.tickets.counts() == {(MODEL, State.SUBMITTED): 1}
    assert record.models.all() == []


def test_rebuilding_while_tickets_move_loses_no_step(record: Record, submit: Callable[..., Ticket]):
    tickets = [submit().id for _ in range(8)]
    record.redis.flushall()

    def walk(ticket_id: str) -> None:
        for state in PATH[:4]:
            record.tickets.move(ticket_id, state, "worker")

    with ThreadPoolExecutor(4) as pool:
        moving = [pool.submit(walk, each) for each in tickets]
        for _ in range(3):
            record.ledger.rebuild()
        for each in moving:
            each.result()
    assert sorted(record.tickets.waiting(MODEL, PATH[3])) == sorted(tickets)
    assert record.tickets.counts() == {(MODEL, PATH[3]): 8}
