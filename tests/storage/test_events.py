"""The chain of a ticket's events: each damage is named and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import object_names
from storage.canonical import Corrupt, canonical, sha256
from storage.record import Record
from storage.tickets.events import Event
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.storage.conftest import PATH

_JSON = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({})


@pytest.fixture
def ticket(submit: Callable[..., Ticket]) -> Ticket:
    return submit(then=PATH[:3])


def _name(ticket: Ticket, number: int) -> str:
    return object_names.event(ticket.id, number, (State.SUBMITTED, *PATH)[number - 1])


def _broken_at(record: Record, ticket: Ticket, name: str) -> None:
    """Everything that reads the record refuses it; the index may still show the last state."""
    for look in (
        lambda: record.tickets.load(ticket.id),
        lambda: record.tickets.move(ticket.id, State.UNLEARNING, "worker"),
    ):
        with pytest.raises(Corrupt, match=f"^{name}: "):
            look()
    assert record.ledger.verify().broken[0].startswith(name)


def test_each_event_holds_the_digest_of_the_one_before(record: Record, ticket: Ticket):
    events = record.tickets.events(ticket.id)
    assert [str(event.state) for event in events] == [State.SUBMITTED, *PATH[:3]]
    assert events[0].previous is None
    for before, after in pairwise(events):
        assert after.previous == sha256(record.objects.get(before.name))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_altered_event_breaks_the_chain_at_the_next(record: Record, ticket: Ticket, number: int):
    name = _name(ticket, number)
    document = record.objects.get_document(name)
    record.objects.put_document(name, {**document, "actor": "mallory"})
    _broken_at(record, ticket, _name(ticket, number + 1))


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_an_event_saved_again_in_another_form_is_named(record: Record, ticket: Ticket, number: int):
    name = _name(ticket, number)
    record.objects.put(name, json.dumps(record.objects.get_document(name), indent=1).encode())
    _broken_at(record, ticket, name)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_removed_event_is_missed_at_the_next(record: Record, ticket: Ticket, number: int):
    record.objects.remove_all(_name(ticket, number))
    _broken_at(record, ticket, _name(ticket, number + 1))


def test_a_doubled_event_is_named(record: Record, ticket: Ticket):
    data = record.objects.get(_name(ticket, 2))
    doubled = object_names.event(ticket.id, 5, State.APPROVED)
    record.objects.put(doubled, data)
    _broken_at(record, ticket, doubled)


def test_a_second_event_of_the_same_number_is_named(record: Record, ticket: Ticket):
    rival = object_names.event(ticket.id, 2, State.DENIED)
    document = record.objects.get_document(_name(ticket, 2))
    record.objects.put_document(rival, {**document, "state": "denied"})
    _broken_at(record, ticket, rival)


def test_an_event_of_another_ticket_is_named(
    record: Record, ticket: Ticket, submit: Callable[..., Ticket]
):
    other = submit()
    name = _name(ticket, 1)
    record.objects.put(name, record.objects.get(_name(other, 1)))
    _broken_at(record, ticket, name)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\0\0", b'{"format":2}', b'{"format":1}'])
def test_an_event_that_is_none_is_named(record: Record, ticket: Ticket, data: bytes):
    name = _name(ticket, 3)
    record.objects.put(name, data)
    _broken_at(record, ticket, name)


@pytest.mark.parametrize(
    "data",
    [{}, {"request": None}, {"request": {}}, {"request": {"model": "a"}}]
    + [{"request": {}, "result": 1}],
)
def test_a_submission_without_its_request_is_refused_by_name(
    record: Record, submit: Callable[..., Ticket], data: dict
):
    ticket = submit()
    name = _name(ticket, 1)
    record.objects.put_document(name, {**record.objects.get_document(name), "data": data})
    with pytest.raises(Corrupt, match=ticket.id):
        record.tickets.load(ticket.id)
    assert ticket.id in record.ledger.verify().broken[0]


@given(
    st.dictionaries(
        st.sampled_from(["number", "ticket", "state", "at", "actor", "previous", "data", "more"]),
        _JSON,
    )
)
def test_any_document_is_an_event_or_corrupt(changes: dict):
    event = Event(1, "t000000000000", State.SUBMITTED, "2026-01-01T00:00:00+00:00", "a", None, {})
    document = {**event.document(), **changes}
    try:
        data = canonical(document)
    except ValueError:  # an integer that JSON cannot carry
        data = json.dumps(document).encode()
    try:
        found = Event.parse(data, "e.json")
    except Corrupt as error:
        line = str(error)
    else:
        line = "e.json: " if found.name.startswith("tickets/") else found.name
        assert isinstance(found.data, dict)
    assert line.startswith("e.json: ")
