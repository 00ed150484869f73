"""Retention: photos of ended tickets go and the record says so; old tickets leave the lists."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from storage import object_names
from storage.record import Record
from storage.settings import Settings
from storage.tickets.desk import Desk
from storage.tickets.events import Notice
from storage.tickets.retention import archive_old, overdue, remove_all_photos
from storage.tickets.states import BadTransition, State
from storage.tickets.ticket import Ticket
from tests.storage import pictures
from tests.storage.conftest import MODEL, PATH

ENDS = {"deny": State.DENIED, "cancel": State.CANCELLED}


@pytest.fixture
def with_photos(record: Record, submit: Callable[..., Ticket]) -> Callable[..., Ticket]:
    def make(*states: State) -> Ticket:
        ticket = submit(then=states)
        record.photos.keep(ticket.id, pictures.photos(3))
        return ticket

    return make


@pytest.mark.parametrize("how", ENDS)
def test_photos_of_a_denied_or_cancelled_ticket_are_gone_and_the_record_says_so(
    record: Record, desk: Desk, with_photos: Callable[..., Ticket], how: str
):
    ticket = with_photos()
    ended = getattr(desk, how)(ticket.id, "grace", "why")
    assert record.photos.left(ticket.id) == 0
    step, notice = record.tickets.events(ticket.id)[-2:]
    assert (step.state, step.notice, step.data["note"]) == (ENDS[how], None, "why")
    assert (notice.notice, notice.data["result"]) == (
        Notice.PHOTOS_REMOVED,
        {"objects_removed": 4},
    )
    assert ended == record.tickets.load(ticket.id) == record.tickets.get(ticket.id)
    assert (ended.state, ended.note, ended.photos_removed) == (ENDS[how], "why", True)
    assert record.ledger.verify().broken == ()


def test_what_a_crash_left_after_the_last_step_is_removed_by_the_sweep(
    record: Record, with_photos: Callable[..., Ticket]
):
    ticket = with_photos(State.CANCELLED)
    assert record.photos.left(ticket.id) == 4
    assert remove_all_photos(record) == [ticket.id]
    assert record.photos.left(ticket.id) == 0
    assert record.tickets.load(ticket.id).photos_removed
    assert remove_all_photos(record) == []


def test_photos_that_a_worker_may_still_write_are_removed_when_it_has_let_go(
    record: Record, desk: Desk, with_photos: Callable[..., Ticket]
):
    ticket = with_photos(State.APPROVED, State.PREPARING)
    with record.leases.hold("ticket", ticket.id):
        desk.cancel(ticket.id, "ada")
        assert record.photos.left(ticket.id) == 0
        record.objects.put(object_names.crop(ticket.id, "0" * 64), b"a crop written meanwhile")
        assert remove_all_photos(record) == []
    assert not record.tickets.load(ticket.id).photos_removed
    assert remove_all_photos(record) == [ticket.id]
    assert record.photos.left(ticket.id) == 0


def test_photos_of_an_open_ticket_stay(record: Record, with_photos: Callable[..., Ticket]):
    for states in ((), (State.APPROVED,), (*PATH[:4], State.FAILED)):
        with_photos(*states)
    assert remove_all_photos(record) == []
    assert all(record.photos.left(ticket.id) == 4 for ticket in record.tickets.recent())


def test_photos_that_stay_too_long_are_counted(
    settings: Settings, record: Record, with_photos: Callable[..., Ticket]
):
    with_photos(State.CANCELLED)
    assert overdue(record) == 0
    hasty = Record.open(settings.model_copy(update={"photo_removal_seconds": 1}))
    time.sleep(1.1)
    assert overdue(hasty) == 1
    remove_all_photos(record)
    assert overdue(hasty) == 0


def test_old_tickets_leave_the_lists_and_are_found_by_id_and_among_the_archived(
    record: Record, submit: Callable[..., Ticket], settings: Settings
):
    ended, open_ = submit(then=(State.DENIED,)), submit()
    assert archive_old(record) == []
    record.tickets.index.write(_aged(ended), force=True)
    assert archive_old(record) == [ended.id]
    assert record.tickets.recent() == [open_]
    assert record.tickets.counts() == {(MODEL, State.SUBMITTED): 1}
    assert [ticket.id for ticket in record.tickets.archived()] == [ended.id]
    assert record.tickets.get(ended.id).archived
    assert archive_old(record) == []
    record.redis.flushall()
    record.ledger.rebuild()
    assert record.tickets.recent() == [open_]
    never = Record.open(settings.model_copy(update={"retention_days": None}))
    assert archive_old(never) == []


def _aged(ticket: Ticket) -> Ticket:
    return replace(ticket, updated_at="2020-01-01T00:00:00.000+00:00")


def test_a_ticket_is_archived_and_restored_by_hand_once_it_has_ended(
    record: Record, desk: Desk, submit: Callable[..., Ticket]
):
    ticket = submit()
    with pytest.raises(BadTransition, match="only ended ones"):
        desk.archive(ticket.id, "ada")
    desk.deny(ticket.id, "grace", "why")
    desk.archive(ticket.id, "ada", "clean desk")
    desk.archive(ticket.id, "ada", "again")
    assert record.tickets.recent() == []
    restored = desk.restore(ticket.id, "ada")
    assert record.tickets.recent() == [restored] == [record.tickets.load(ticket.id)]
    notices = [event.notice for event in record.tickets.events(ticket.id)]
    assert notices == [None, None, Notice.PHOTOS_REMOVED, Notice.ARCHIVED, Notice.RESTORED]
