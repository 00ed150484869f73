"""A ticket that is submitted while the store fails: accepted or refused, never half."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storage import keys
from storage.models.registry import Version
from storage.record import Record
from storage.store.objects import StoreUnavailable
from storage.tickets.desk import Desk
from storage.tickets.states import State
from tests.faults.proxy import Fault, Proxy
from tests.storage import pictures
from tests.storage.conftest import request_for

FAULTS = [Fault.ANSWER_503, Fault.CUT_REQUEST, Fault.ALTER_REQUEST]
WRITES = {
    "the second photo": r"photos/[0-9a-f]{64}$",
    "the list": r"manifest\.json",
    "the event": r"/events/",
}


def fail(proxy: Proxy, desk: Desk, fault: Fault, write: str) -> None:
    """A submission that breaks off at one write; afterwards the store is back."""
    proxy.on(fault, "PUT", WRITES[write])
    with pytest.raises(StoreUnavailable):
        desk.submit(request_for(), pictures.photos(3), "ada")
    proxy.clear()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("write", WRITES)
def test_a_submission_that_the_store_fails_is_refused_and_nowhere_a_ticket(
    record: Record,
    proxy: Proxy,
    faulty_desk: Desk,
    publish: Callable[..., Version],
    fault: Fault,
    write: str,
):
    publish()
    before = set(record.redis.scan_iter())
    proxy.on(fault, "PUT", WRITES[write], skip=int(write == "the second photo"))
    with pytest.raises(StoreUnavailable) as error:
        faulty_desk.submit(request_for(), pictures.photos(3), "ada")
    assert len(str(error.value).splitlines()) == 1
    assert set(record.redis.scan_iter()) - {keys.ANNOUNCEMENTS} == before
    assert record.tickets.recent() == []
    assert [name for name in record.objects.names("tickets/") if "/events/" in name] == []
    proxy.clear()
    ticket = faulty_desk.submit(request_for(), pictures.photos(3), "ada")
    assert record.tickets.load(ticket.id) == ticket
    assert record.photos.all(ticket.id) == pictures.photos(3)


def test_a_refused_submission_leaves_no_photo_once_the_store_is_back(
    record: Record, proxy: Proxy, faulty_desk: Desk, publish: Callable[..., Version]
):
    publish()
    fail(proxy, faulty_desk, Fault.ANSWER_503, "the list")
    record.ledger.rebuild()
    assert list(record.objects.names("tickets/")) == []
    assert record.ledger.verify().broken == ()


def test_a_short_failure_at_any_write_of_a_submission_goes_unnoticed(
    record: Record, proxy: Proxy, faulty_desk: Desk, publish: Callable[..., Version]
):
    publish()
    rules = [
        proxy.on(fault, "PUT", path, times=1) for fault in FAULTS[:2] for path in WRITES.values()
    ]
    ticket = faulty_desk.submit(request_for(), pictures.photos(3), "ada")
    assert [rule.hits for rule in rules] == [1] * len(rules)
    assert record.photos.all(ticket.id) == pictures.photos(3)
    assert record.tickets.recent() == [ticket] == [record.tickets.load(ticket.id)]
    assert record.ledger.verify().broken == ()


def test_a_ticket_whose_confirmation_is_lost_is_whole_in_the_record_and_can_be_found(
    record: Record, proxy: Proxy, faulty_desk: Desk, publish: Callable[..., Version]
):
    """Nobody can know then whether it was accepted; a rebuilt index shows that it was."""
    publish()
    fail(proxy, faulty_desk, Fault.LOSE_ANSWER, "the event")
    assert record.ledger.rebuild().broken == ()
    (ticket,) = record.tickets.recent()
    assert ticket.state is State.SUBMITTED
    assert record.photos.all(ticket.id) == pictures.photos(3)
