"""The table of states: every step that is not in it is refused with those that are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storage.record import Record
from storage.tickets.states import (
    ENDED,
    TRANSITIONS,
    WORKED,
    BadTransition,
    State,
    check_transition,
)
from storage.tickets.ticket import Ticket
from tests.storage.conftest import PATH

_REFUSED = [
    (before, after) for before in State for after in State if after not in TRANSITIONS[before]
]


@pytest.mark.parametrize(("before", "after"), _REFUSED)
def test_a_step_outside_the_table_is_refused_with_the_possible_ones_named(
    before: State, after: State
):
    with pytest.raises(BadTransition) as error:
        check_transition("t000000000000", before, after)
    line = str(error.value)
    assert f"t000000000000 is {before} and cannot become {after}" in line
    possible = line.split("possible: ")[1]
    allowed = {str(state) for state in TRANSITIONS[before]}
    assert set(possible.split(", ")) == allowed or (
        not allowed and possible == "nothing: it has ended"
    )


def test_every_state_is_in_the_table_and_can_be_reached():
    assert set(TRANSITIONS) == set(State)
    reached = {State.SUBMITTED}.union(*TRANSITIONS.values())
    assert reached == set(State)


def test_only_completed_denied_and_cancelled_are_ends():
    assert {State.COMPLETED, State.DENIED, State.CANCELLED} == ENDED
    assert not ENDED & WORKED


def test_the_plain_way_from_submitted_to_completed_is_allowed():
    for before, after in zip((State.SUBMITTED, *PATH), PATH, strict=False):
        check_transition("t000000000000", before, after)


def test_a_refused_step_writes_nothing(record: Record, submit: Callable[..., Ticket]):
    ticket = submit()
    names_before = list(record.objects.names(""))
    for state in set(State) - TRANSITIONS[State.SUBMITTED]:
        with pytest.raises(BadTransition, match="possible: approved, cancelled, denied, failed"):
            record.tickets.move(ticket.id, state, "ada")
    assert list(record.objects.names("")) == names_before
    assert record.tickets.get(ticket.id) == ticket


def test_a_ticket_that_has_ended_stays_ended(record: Record, submit: Callable[..., Ticket]):
    ticket = submit(then=(State.DENIED,))
    for state in State:
        with pytest.raises(BadTransition, match="nothing: it has ended"):
            record.tickets.move(ticket.id, state, "ada")
