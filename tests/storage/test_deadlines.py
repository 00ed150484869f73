"""Deadlines: one month, said to be near, said to be missed, extended within the law."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import names
from storage.record import Record
from storage.tickets.deadlines import BadDeadline, tell
from storage.tickets.desk import Desk
from storage.tickets.events import Notice
from storage.tickets.request import LegalGround, Request, default_deadline, months_after
from storage.tickets.states import BadTransition, State
from storage.tickets.ticket import Ticket
from tests.storage.conftest import MODEL, SUBJECT


def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def due(record: Record) -> Callable[[int], Ticket]:
    """A ticket whose deadline is so many days away."""

    def submit(days: int) -> Ticket:
        deadline = today() + timedelta(days=days)
        request = Request(MODEL, SUBJECT, LegalGround.CONSENT_WITHDRAWN, deadline, 3)
        return record.tickets.submit(names.new_ticket_id(), request, "ada", {})

    return submit


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2026-01-15", 1, "2026-02-15"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2026-08-31", 1, "2026-09-30"),
    ],
)
def test_a_month_later_is_the_same_day_or_the_last_of_that_month(day: str, months: int, later: str):
    assert months_after(date.fromisoformat(day), months) == date.fromisoformat(later)


@given(st.dates(date(1999, 1, 1), date(2100, 1, 1)), st.integers(1, 24))
def test_months_later_never_skip_a_month_nor_go_beyond_the_day(day: date, months: int):
    later = months_after(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day <= day.day
    assert later.day == day.day or (later + timedelta(days=1)).day == 1


def test_a_deadline_is_one_month_away_unless_the_settings_say_days():
    assert default_deadline() == months_after(today(), 1)
    assert default_deadline(10) == today() + timedelta(days=10)


def test_each_deadline_is_told_once_when_near_and_once_when_missed(
    record: Record, due: Callable[[int], Ticket]
):
    late, soon, later = due(-1), due(6), due(60)
    assert tell(record) == {
        Notice.DEADLINE_MISSED: [late.id],
        Notice.DEADLINE_NEAR: [soon.id],
    }
    assert tell(record) == {Notice.DEADLINE_MISSED: [], Notice.DEADLINE_NEAR: []}
    notices = [event.notice for event in record.tickets.events(late.id)[1:]]
    assert notices == [Notice.DEADLINE_MISSED]
    assert len(record.tickets.events(later.id)) == 1
    assert record.tickets.get(late.id).state is State.SUBMITTED


def test_a_deadline_that_was_near_is_missed_later(record: Record, due: Callable[[int], Ticket]):
    soon = due(0)
    assert tell(record)[Notice.DEADLINE_NEAR] == [soon.id]
    gone = today() - timedelta(days=1)
    record.tickets.note(soon.id, Notice.EXTENDED, "test", {"deadline": gone.isoformat()})
    assert tell(record)[Notice.DEADLINE_MISSED] == [soon.id]
    assert tell(record)[Notice.DEADLINE_MISSED] == []


def test_the_deadline_of_an_ended_ticket_is_not_told(record: Record, due: Callable[[int], Ticket]):
    ended = due(-1)
    record.tickets.move(ended.id, State.DENIED, "grace")
    assert tell(record) == {Notice.DEADLINE_MISSED: [], Notice.DEADLINE_NEAR: []}


def test_what_was_told_is_known_after_redis_lost_everything(
    record: Record, due: Callable[[int], Ticket]
):
    late = due(-1)
    tell(record)
    record.redis.flushall()
    record.ledger.rebuild()
    assert tell(record)[Notice.DEADLINE_MISSED] == []
    assert record.tickets.get(late.id).told == "deadline_missed"


def test_an_extension_is_recorded_with_its_reason_and_told_of_anew(
    record: Record, desk: Desk, due: Callable[[int], Ticket]
):
    ticket = due(1)
    assert tell(record)[Notice.DEADLINE_NEAR] == [ticket.id]
    later = months_after(today(), 3)
    moved = desk.extend(ticket.id, later, "grace", "two further months: many photos")
    assert (moved.deadline, moved.state, moved.told) == (later.isoformat(), State.SUBMITTED, "")
    assert record.tickets.load(ticket.id) == moved == record.tickets.get(ticket.id)
    event = record.tickets.events(ticket.id)[-1]
    assert (event.notice, event.actor) == (Notice.EXTENDED, "grace")
    assert event.data["note"] == "two further months: many photos"
    assert tell(record)[Notice.DEADLINE_NEAR] == []


@pytest.mark.parametrize(
    ("days", "months", "words"),
    [(10, 0, "is due on"), (10, 4, "three months"), (-1, 2, "until then only")],
)
def test_an_extension_that_the_law_does_not_allow_is_refused(
    desk: Desk, record: Record, due: Callable[[int], Ticket], days: int, months: int, words: str
):
    ticket = due(days)
    with pytest.raises(BadDeadline, match=words):
        desk.extend(ticket.id, months_after(today(), months), "grace", "why")
    assert len(record.tickets.events(ticket.id)) == 1


def test_an_ended_ticket_has_no_deadline_to_extend(desk: Desk, due: Callable[[int], Ticket]):
    ticket = due(3)
    desk.cancel(ticket.id, "ada")
    with pytest.raises(BadTransition, match="has no deadline"):
        desk.extend(ticket.id, months_after(today(), 2), "grace", "why")


def test_notices_change_no_state_and_no_reason(record: Record, due: Callable[[int], Ticket]):
    ticket = due(-1)
    record.tickets.move(ticket.id, State.APPROVED, "grace", note="by phone")
    before = record.tickets.load(ticket.id)
    tell(record)
    after = record.tickets.load(ticket.id)
    assert (after.state, after.note, after.updated_at) == (
        before.state,
        before.note,
        before.updated_at,
    )


def test_an_unknown_notice_breaks_the_chain(record: Record, due: Callable[[int], Ticket]):
    ticket = due(5)
    record.tickets.note(ticket.id, Notice.DEADLINE_NEAR, "clock")
    name = f"tickets/{ticket.id}/events/000002-submitted.json"
    document = record.objects.get_document(name)
    record.objects.put_document(name, {**document, "data": {"notice": "forgiven"}})
    assert record.ledger.verify().broken == (f"{name}: not an event",)
