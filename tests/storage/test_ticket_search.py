"""Filters, orders and pages of a list of tickets, against what a plain loop over them gives."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import TypeVar

import pytest

from storage import keys
from storage.errors import BadInput
from storage.record import Record
from storage.tickets import ticket_search
from storage.tickets.states import State
from storage.tickets.strays import walk
from storage.tickets.ticket import Ticket
from storage.tickets.ticket_search import OPEN, Order, Place, Wanted, search
from tests.storage.conftest import MODEL, request_for
from tests.storage.test_ticket_index import ticket

T = TypeVar("T")
DAY = date(2030, 1, 31)
MODELS = ("door", "gate", "submitted")
PEOPLE = ("ada", "grace")


def crowd(draw: random.Random, count: int) -> list[Ticket]:
    """Many share a second, a deadline or the moment of their last change."""
    return [
        ticket(
            number,
            draw.randrange(30),
            subject=f"DSR-{draw.choice('AB')}-{number:04d}",
            model=draw.choice(MODELS),
            submitted_by=draw.choice(PEOPLE),
            state=draw.choice(list(State)),
            deadline=(DAY + timedelta(days=draw.randrange(6))).isoformat(),
            updated_at=f"2026-03-02T09:00:{draw.randrange(20):02d}.000+00:00",
        )
        for number in range(count)
    ]


def archived(draw: random.Random, tickets: list[Ticket]) -> list[Ticket]:
    return [replace(each, archived=not each.open and draw.random() < 0.4) for each in tickets]


def wishes(draw: random.Random) -> Wanted:
    def maybe(value: T, otherwise: T) -> T:
        return value if draw.random() < 0.3 else otherwise

    chosen = [OPEN, frozenset({State.SUBMITTED}), frozenset({State.DENIED, State.QUEUED})]
    return Wanted(
        states=maybe(draw.choice(chosen), frozenset()),
        model=maybe(draw.choice(MODELS), None),
        submitted_by=maybe(draw.choice(PEOPLE), None),
        due_from=maybe(DAY + timedelta(days=2), None),
        due_to=maybe(DAY + timedelta(days=3), None),
        text=maybe(draw.choice(["dsr-a", "B-00", "0007", "T00000000001", "nowhere"]), ""),
        archived=draw.random() < 0.2,
    )


def fits(wanted: Wanted, each: Ticket) -> bool:
    due = date.fromisoformat(each.deadline)
    return (
        each.archived is wanted.archived
        and (not wanted.states or each.state in wanted.states)
        and wanted.model in {None, each.model}
        and wanted.submitted_by in {None, each.submitted_by}
        and (wanted.due_from or due) <= due <= (wanted.due_to or due)
        and wanted.text.lower() in f"{each.subject.lower()} {each.id}"
    )


def in_order(tickets: list[Ticket], order: Order, *, down: bool) -> list[str]:
    score = {
        Order.SUBMITTED: lambda each: each.submitted_at,
        Order.DEADLINE: lambda each: each.deadline,
        Order.CHANGED: lambda each: each.updated_at,
    }[order]
    found = sorted(tickets, key=lambda each: (score(each), each.id), reverse=down)
    return [each.id for each in found]


@pytest.mark.parametrize("seed", range(3))
def test_every_filter_in_every_order_gives_what_a_plain_loop_gives_page_by_page_both_ways(
    record: Record, monkeypatch: pytest.MonkeyPatch, seed: int
):
    draw = random.Random(seed)
    monkeypatch.setattr(ticket_search, "AT_ONCE", 37)  # so that a walk takes several slices
    tickets = archived(draw, crowd(draw, 150))
    for each in tickets:
        record.tickets.index.write(each)
    for _ in range(60):
        wanted, order, down = wishes(draw), draw.choice(list(Order)), draw.random() < 0.5
        limit = draw.choice([1, 7, 60])
        expected = in_order([each for each in tickets if fits(wanted, each)], order, down=down)
        shown: list[str] = []
        pages = [record.tickets.page(wanted, order, down=down, limit=limit)[1]]
        while pages[-1].more and len(pages) < 6:
            after = pages[-1].last
            pages.append(record.tickets.page(wanted, order, down=down, limit=limit, after=after)[1])
        for found in pages:
            assert (found.count, found.earlier) == (len(expected), len(shown)), wanted
            shown += found.ids
        assert shown == expected[: len(shown)]
        assert pages[-1].more is (len(shown) < len(expected))
        for earlier, later in zip(reversed(pages[:-1]), reversed(pages[1:]), strict=True):
            before = later.first
            back = record.tickets.page(wanted, order, down=down, limit=limit, before=before)[1]
            assert back == earlier
        each_one = record.tickets.each(wanted, order, down=down, at_once=limit)
        assert [each.id for each in each_one] == expected


def test_pages_show_once_whatever_stays_while_others_come_and_go(record: Record):
    index = record.tickets.index
    tickets = [ticket(number, number) for number in range(0, 40, 2)]
    for each in tickets:
        index.write(each)
    shown: list[str] = []
    after: Place | None = None
    for step in range(5):
        found = search(
            record.redis, Wanted(), Order.SUBMITTED, down=True, limit=4, after=after, counted=False
        )
        shown += found.ids
        after = found.last
        index.write(ticket(59 - step, 59 - step))  # newer than all
        index.remove(found.ids[-1])  # the very one that the next page follows
    assert shown == [each.id for each in reversed(tickets)]


def test_a_page_before_the_first_whole_one_is_the_first(record: Record):
    for number in range(5):
        record.tickets.index.write(ticket(number))
    _, found = record.tickets.page(Wanted(), limit=3)
    _, second = record.tickets.page(Wanted(), limit=3, after=found.last)
    record.tickets.index.remove(found.ids[0])
    _, back = record.tickets.page(Wanted(), limit=3, before=second.first)
    assert back.ids == (*found.ids[1:], second.ids[0])
    assert back.earlier == 0


@pytest.mark.parametrize("text", ["", "x", "1_t0", "1e9_t000000000001", "1_t000000000001\n", "-1"])
def test_a_place_that_no_list_gave_is_refused(text: str):
    with pytest.raises(BadInput, match="not one of a list of tickets"):
        Place.parse(text)


def older(record: Record, each: Ticket) -> None:
    """Leaves of a ticket in the index what a version before filters wrote."""
    summary = json.loads(str(record.redis.get(keys.ticket_summary(each.id))))
    kept = {name: summary[name] for name in ("ticket", "score", "listed", "zsets")}
    kept["zsets"] = [pair for pair in kept["zsets"] if ":by:" not in pair[0]]
    record.redis.set(keys.ticket_summary(each.id), json.dumps(kept))
    record.redis.hdel(keys.ROWS, each.id)
    for order in Order:
        record.redis.zrem(keys.ordered(order, False), each.id)


def shown_by_filters(record: Record) -> list[Ticket]:
    wanted = Wanted(text=request_for().subject, model=MODEL)
    return record.tickets.page(wanted, Order.DEADLINE, down=False)[0]


def test_what_an_older_version_wrote_is_listed_at_once_and_found_by_filters_after_a_sweep(
    record: Record, submit: Callable[..., Ticket], publish: Callable[..., object]
):
    publish()
    kept = submit()
    older(record, kept)
    assert record.tickets.recent() == record.tickets.page(Wanted())[0] == [kept]
    assert shown_by_filters(record) == []
    walk(record)
    assert shown_by_filters(record) == [kept]
    older(record, kept)
    record.ledger.rebuild()
    assert shown_by_filters(record) == [kept]


def test_a_step_that_an_older_version_took_beside_this_one_is_found_after_a_sweep(
    record: Record, submit: Callable[..., Ticket], publish: Callable[..., object]
):
    publish()
    moved = record.tickets.move(submit().id, State.APPROVED, "ada")
    summary = json.loads(str(record.redis.get(keys.ticket_summary(moved.id))))
    row = summary.pop("row")
    del summary["format"]
    record.redis.set(keys.ticket_summary(moved.id), json.dumps(summary))
    record.redis.hset(keys.ROWS, moved.id, row.replace(":approved", ":submitted"))
    walk(record)
    wanted = Wanted(states=frozenset({State.APPROVED, State.QUEUED}))
    assert record.tickets.page(wanted)[0] == [moved]


def test_a_removed_ticket_leaves_nothing_to_be_filtered(record: Record):
    for each in (ticket(1), ticket(2, state=State.DENIED, archived=True)):
        record.tickets.index.write(each)
        record.tickets.index.remove(each.id)
    assert [str(key) for key in record.redis.scan_iter("lethe:index:*")] == []
