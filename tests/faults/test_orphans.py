"""Photos whose submission died before its first event: named until their time, then removed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from storage import keys, names, object_names
from storage.models.registry import Version
from storage.record import Record
from storage.settings import Settings
from storage.store.objects import StoreUnavailable
from storage.tickets.desk import Desk
from storage.tickets.states import State
from storage.tickets.strays import Strays, walk
from storage.tickets.ticket import Ticket
from tests.faults.proxy import Fault, Proxy
from tests.storage import pictures
from tests.storage.conftest import request_for


@pytest.fixture
def hasty(record: Record, settings: Settings) -> Record:
    """The same record, where an hour lasts a second."""
    assert record.settings is settings
    return Record.open(settings.model_copy(update={"orphan_seconds": 1}))


def _left(record: Record) -> str:
    """Photos as a process leaves them that is killed before the event."""
    ticket = names.new_ticket_id()
    record.photos.keep(ticket, pictures.photos(3))
    return ticket


def test_photos_of_a_submission_that_the_store_cut_off_are_removed_after_their_time(
    hasty: Record, proxy: Proxy, faulty_desk: Desk, publish: Callable[..., Version]
):
    publish()
    for method, path in (("PUT", r"manifest\.json"), ("POST", "."), ("DELETE", ".")):
        proxy.on(Fault.ANSWER_503, method, path)
    with pytest.raises(StoreUnavailable):
        faulty_desk.submit(request_for(), pictures.photos(3), "ada")
    (ticket,) = hasty.tickets.recorded()
    assert hasty.photos.left(ticket) == 3
    time.sleep(1.1)
    assert walk(hasty) == Strays(indexed=(), removed=(ticket,), broken=())
    assert list(hasty.objects.names("tickets/")) == []
    assert walk(hasty) == Strays((), (), ())


def test_the_ledger_names_them_until_then_as_what_they_are(record: Record):
    ticket = _left(record)
    line = f"ticket {ticket}: photos of a submission that never was"
    assert record.ledger.verify().broken == (line,)
    record.photos.remove(ticket)
    assert record.ledger.verify().broken == ()


def test_photos_of_a_submission_that_is_under_way_stay(record: Record, hasty: Record):
    young = _left(record)
    assert walk(record) == Strays((), (), ())  # an hour
    time.sleep(1.1)
    last = pictures.photos(4)[-1]
    record.objects.put(object_names.photo(young, last.sha256), last.data)
    assert walk(hasty) == Strays((), (), ())  # a second, since the last photo
    assert record.photos.all(young) == pictures.photos(3)
    accepted = record.tickets.submit(young, request_for(), "ada", {})
    time.sleep(1.1)
    assert walk(hasty) == Strays((), (), ())
    assert record.photos.all(accepted.id) == pictures.photos(3)


def test_photos_of_tickets_stay_however_old_and_whether_or_not_the_index_knows_them(
    record: Record, hasty: Record, submit: Callable[..., Ticket], publish: Callable[..., Version]
):
    publish()
    known, forgotten = submit().id, submit(then=(State.APPROVED,)).id
    for ticket in (known, forgotten):
        record.photos.keep(ticket, pictures.photos(3))
    record.redis.zrem(keys.TICKETS, forgotten)
    orphan = _left(record)
    time.sleep(1.1)
    assert walk(hasty) == Strays(indexed=(forgotten,), removed=(orphan,), broken=())
    for ticket in (known, forgotten):
        assert record.photos.all(ticket) == pictures.photos(3)
    assert record.ledger.verify().broken == ()


def test_a_folder_that_is_broken_is_named_and_keeps_nobody_waiting(
    record: Record, submit: Callable[..., Ticket], publish: Callable[..., Version]
):
    publish()
    tickets = sorted(submit().id for _ in range(3))
    (event,) = record.objects.names(object_names.events(tickets[0]))
    record.objects.put(event, b"{}")
    record.objects.put("tickets/Not a ticket/photos/x", b"x")
    record.redis.delete(keys.TICKETS)
    found = [walk(record, read=1) for _ in range(5)]
    assert {name for strays in found for name in strays.broken} >= {tickets[0], "Not a ticket"}
    assert {name for strays in found for name in strays.indexed} == set(tickets[1:])
    assert record.objects.exists("tickets/Not a ticket/photos/x")
