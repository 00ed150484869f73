"""Four eyes: who submitted a ticket cannot approve it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storage.models.desk import ModelDesk
from storage.models.policy import Approval
from storage.models.registry import Version
from storage.queue import Queue
from storage.record import Record
from storage.settings import Settings
from storage.tickets.desk import POLICY, Desk, FourEyes
from storage.tickets.states import State
from tests.storage.conftest import MODEL, request_for
from tests.storage.pictures import photos


@pytest.fixture
def strict(settings: Settings) -> Record:
    return Record.open(settings.model_copy(update={"four_eyes": True}))


@pytest.fixture
def desk(strict: Record, publish: Callable[..., Version]) -> Desk:
    publish()
    return Desk(strict, Queue(strict.settings))


def test_somebody_else_approves(strict: Record, desk: Desk):
    ticket = desk.submit(request_for(), photos(3), "ada")
    with pytest.raises(FourEyes, match="ada submitted it, and somebody else must approve it"):
        desk.approve(ticket.id, "ada")
    assert strict.tickets.get(ticket.id).state is State.SUBMITTED
    assert desk.approve(ticket.id, "grace").state is State.APPROVED


def test_without_it_one_person_may_do_both(settings: Settings, publish: Callable[..., Version]):
    publish()
    record = Record.open(settings)
    desk = Desk(record, Queue(settings))
    ticket = desk.submit(request_for(), photos(3), "ada")
    assert desk.approve(ticket.id, "ada").state is State.APPROVED


def test_no_policy_approves_either(strict: Record, desk: Desk, settings: Settings):
    ModelDesk(Record.open(settings)).settle(MODEL, "root", approval=Approval.AUTOMATIC)
    ticket = desk.submit(request_for(), photos(3), "ada")
    assert ticket.state is State.SUBMITTED
    assert POLICY not in {event.actor for event in strict.tickets.events(ticket.id)}


def test_a_retry_needs_no_second_pair_once_somebody_else_approved(strict: Record, desk: Desk):
    ticket = desk.submit(request_for(), photos(3), "ada")
    desk.approve(ticket.id, "grace")
    strict.tickets.move(ticket.id, State.FAILED, "worker")
    assert desk.retry(ticket.id, "ada").state is State.APPROVED
