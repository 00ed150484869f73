"""Promote, roll back, delete, settle: what the pages say first, who may, and what then holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from storage.accounts.users import Role
from storage.models.registry import Version
from storage.record import Record
from storage.tickets.ticket import Ticket
from tests.web.conftest import MODEL, SUBJECT, Visitor
from tests.web.model_line import Line, ticket_of

Visit = Callable[[Role], Visitor]


@pytest.fixture
def line(record: Record, tmp_path: Path, submitted: Callable[..., Ticket]) -> Line:
    return Line(record, tmp_path, submitted)


def current(record: Record) -> int:
    return record.models.aliases(MODEL)["current"]


def test_before_a_rollback_the_page_names_who_would_be_recognised_again(
    visit: Visit, record: Record, model: Version, line: Line
) -> None:
    second = line.forget(model)
    page = visit(Role.APPROVER).get(f"/models/{MODEL}/rollback").text
    assert "1 subject is recognised again" in page
    assert SUBJECT in page
    assert f"/tickets/{ticket_of(second)}" in page
    assert "Deployed files do not change by themselves" in page
    assert current(record) == 2


def test_a_rollback_that_is_confirmed_moves_the_alias_and_stays_on_record(
    visit: Visit, record: Record, model: Version, line: Line
) -> None:
    line.forget(model)
    grace = visit(Role.APPROVER)
    answer = grace.post(f"/models/{MODEL}/rollback", {"instead_of": "2"})
    assert answer.status_code == 303
    assert current(record) == 1
    move = record.models.moves(MODEL)[0]
    assert (move.version, move.actor, move.reason) == (1, "approver", "rolled back")
    page = grace.get(f"/models/{MODEL}/moves").text
    assert "Version 1 became current after version 2" in page


def test_going_forward_again_names_nobody_and_says_who_is_forgotten(
    visit: Visit, model: Version, line: Line
) -> None:
    line.forget(model)
    grace = visit(Role.APPROVER)
    grace.post(f"/models/{MODEL}/rollback", {"instead_of": "2"})
    page = grace.get(f"/models/{MODEL}/versions/2/promote").text
    assert "recognised again" not in page
    assert "Forgotten then" in page


def test_a_page_that_was_open_too_long_moves_nothing(
    visit: Visit, record: Record, model: Version, line: Line
) -> None:
    line.forget(line.forget(model))
    answer = visit(Role.APPROVER).post(f"/models/{MODEL}/versions/1/promote", {"instead_of": "2"})
    assert answer.status_code == 409
    assert "version 3 is current by now, not 2" in answer.text
    assert current(record) == 3


def test_a_model_that_a_run_works_on_is_left_alone_with_a_line_that_says_so(
    visit: Visit, record: Record, model: Version, line: Line
) -> None:
    line.forget(model)
    visitor = visit(Role.ADMIN)
    with record.leases.hold("model", MODEL):
        assert "runs on this model just now" in visitor.get(f"/models/{MODEL}/rollback").text
        answer = visitor.post(f"/models/{MODEL}/rollback")
    assert answer.status_code == 409
    assert f"Model {MODEL}: an erasure runs on it; try again when it is done." in answer.text
    assert current(record) == 2


def test_a_version_is_deleted_once_its_name_is_typed_and_a_reason_given(
    visit: Visit, record: Record, model: Version, line: Line
) -> None:
    line.forget(model)
    ada, path = visit(Role.ADMIN), f"/models/{MODEL}/versions/1/delete"
    assert f"Type {MODEL}@1 to confirm" in ada.get(path).text
    for form in ({"reason": "old", "typed": f"{MODEL}@2"}, {"reason": " ", "typed": f"{MODEL}@1"}):
        answer = ada.post(path, form)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
        assert record.models.deleted(MODEL) == set()
    assert ada.post(path, {"reason": "old", "typed": f"{MODEL}@1"}).status_code == 303
    found = record.models.deletion(MODEL, 1)
    assert found is not None
    assert (found.actor, found.reason) == ("admin", "old")


def test_the_current_version_offers_no_deletion_and_refuses_one(
    visit: Visit, record: Record, model: Version, line: Line
) -> None:
    line.forget(model)
    ada, path = visit(Role.ADMIN), f"/models/{MODEL}/versions/2/delete"
    assert "cannot be deleted" in ada.get(path).text
    answer = ada.post(path, {"reason": "old", "typed": f"{MODEL}@2"})
    assert answer.status_code == 409
    assert "version 2 is current" in answer.text
    assert record.models.deleted(MODEL) == set()


def test_an_admin_settles_the_policy_and_nonsense_settles_nothing(
    visit: Visit, record: Record, model: Version
) -> None:
    ada, path = visit(Role.ADMIN), f"/models/{model.model}/policy"
    answer = ada.post(path, {"approval": "automatic", "publish_as": "candidate"})
    assert answer.status_code == 303
    policy = record.models.policy(MODEL)
    assert (policy.approval, policy.publish_as) == ("automatic", "candidate")
    assert ada.post(path, {"approval": "never", "publish_as": "current"}).status_code == 400
    assert record.models.policy(MODEL) == policy


def test_pages_offer_each_role_what_it_may_do(visit: Visit, model: Version, line: Line) -> None:
    line.forget(model)
    offers = {"Roll back …", "Make current …", "Delete …", "Change the policy …", "Download"}
    expected = {
        Role.REQUESTER: set(),
        Role.AUDITOR: {"Download"},
        Role.APPROVER: {"Roll back …", "Make current …", "Download"},
        Role.ADMIN: offers,
    }
    for role, wanted in expected.items():
        page = visit(role).get(f"/models/{MODEL}").text
        assert {offer for offer in offers if offer in page} == wanted, role
