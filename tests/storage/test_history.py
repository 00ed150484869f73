"""History: what pages read of a ticket's events is read once, and never stale."""

from collections.abc import Callable

import pytest

from storage.canonical import Corrupt, canonical
from storage.names import new_ticket_id
from storage.record import Record
from storage.store.objects import ObjectStore
from storage.tickets.history import History
from storage.tickets.registry import NoSuchTicket
from storage.tickets.states import State
from storage.tickets.ticket import Ticket

Submit = Callable[..., Ticket]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the objects that were read."""
    names: list[str] = []
    get = ObjectStore.get

    def noted(store: ObjectStore, name: str, *rest: str) -> bytes:
        names.append(name)
        return get(store, name, *rest)

    monkeypatch.setattr(ObjectStore, "get", noted)
    return names


def test_an_event_is_read_once_and_a_new_one_is_seen_at_once(
    record: Record, submit: Submit, asked: list[str]
) -> None:
    ticket = submit().id
    first = record.history.events(ticket)
    assert first == record.tickets.events(ticket)
    asked.clear()
    assert record.history.events(ticket) == first
    assert asked == []
    record.tickets.move(ticket, State.APPROVED, "ada")
    asked.clear()
    events = record.history.events(ticket)
    assert [event.state for event in events] == [State.SUBMITTED, State.APPROVED]
    assert asked == [events[-1].name]


def test_an_event_that_was_altered_after_it_was_read_is_seen(
    record: Record, submit: Submit
) -> None:
    ticket = submit().id
    record.tickets.move(ticket, State.APPROVED, "ada")
    first, _ = record.history.events(ticket)
    forged = canonical({**first.document(), "actor": "eve"})
    record.objects.put(first.name, forged)
    with pytest.raises(Corrupt, match="the chain of events breaks here"):
        record.history.events(ticket)


def test_a_missing_event_breaks_the_chain_though_the_others_were_read(
    record: Record, submit: Submit
) -> None:
    ticket = submit().id
    for state in (State.APPROVED, State.PREPARING):
        record.tickets.move(ticket, state, "ada")
    events = record.history.events(ticket)
    record.objects.remove_all(events[1].name)
    with pytest.raises(Corrupt, match="the chain of events breaks here"):
        record.history.events(ticket)


def test_what_is_kept_in_memory_is_bounded_and_what_fell_out_is_read_again(
    record: Record, submit: Submit, asked: list[str]
) -> None:
    history = History(record.objects, most_bytes=500)
    tickets = [submit().id for _ in range(3)]
    for ticket in tickets:
        history.events(ticket)
    asked.clear()
    history.events(tickets[-1])
    assert asked == []
    history.events(tickets[0])
    assert len(asked) == 1


def test_there_is_no_history_of_no_ticket(record: Record) -> None:
    with pytest.raises(NoSuchTicket):
        record.history.events(new_ticket_id())
