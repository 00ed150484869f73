"""The desk: what waits for whom, what is due, and whether everything is alive."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from storage import presence
from storage.accounts.users import Role
from storage.models.registry import Model
from storage.record import Record
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.conftest import MODEL, SUBJECT, Visitor
from web import home

S = State
PREPARED = (S.APPROVED, S.PREPARING, S.QUEUED)
REFUSED = (*PREPARED, S.UNLEARNING, S.CERTIFYING, S.NEEDS_REVIEW)
Submit = Callable[..., Ticket]
Visit = Callable[..., Visitor]


def waits(page: str) -> list[str]:
    """Ids of what waits for whoever looks, in its order."""
    part = page.partition('id="waits"')[2].partition("</section>")[0]
    return re.findall(r'href="/tickets/(t\w{12})"', part)


def test_the_desk_shows_first_what_waits_and_how_long_it_may(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    running, late, early = submitted(days=1, then=PREPARED), submitted(days=9), submitted(days=3)
    presence.say(record.redis, "gpu@one", ["gpu"], holds=True)
    page = visit(Role.APPROVER).get("/").text
    assert waits(page) == [early.id, late.id]
    assert page.index(early.id) < page.index(late.id) < page.index(running.id)
    for words in ("3 days left", "9 days left", "1 day left", "gpu@one", "Busy", SUBJECT):
        assert words in page


def test_each_role_sees_what_waits_for_it(visit: Visit, submitted: Submit) -> None:
    waiting, refused = submitted(days=20), submitted(days=5, then=REFUSED)
    own, other = (
        submitted(actor, days=9, then=(S.APPROVED, S.PREPARING, S.NEEDS_PHOTOS))
        for actor in ("requester", "somebody")
    )
    failed = submitted(days=7, then=(*PREPARED, S.FAILED))
    submitted(then=PREPARED)
    submitted(then=[S.CANCELLED])
    for role, wanted in {
        Role.REQUESTER: {own.id},
        Role.APPROVER: {refused.id, failed.id, waiting.id},
        Role.AUDITOR: {refused.id},
        Role.ADMIN: {refused.id, failed.id, own.id, other.id, waiting.id},
    }.items():
        assert set(waits(visit(role).get("/").text)) == wanted, role


def test_what_is_overdue_is_said_to_all_and_waits_for_those_who_oversee(
    visit: Visit, submitted: Submit
) -> None:
    submitted(days=-1, then=PREPARED)
    submitted(days=-1, then=[S.DENIED])
    for role in Role:
        page = visit(role).get("/").text
        assert "1 ticket is open after its deadline." in page
        assert "/tickets?due=overdue&amp;sort=deadline" in page
        part = page.partition('id="waits"')[2].partition("</section>")[0]
        assert ("Overdue" in part) is (role in {Role.AUDITOR, Role.ADMIN}), role


def test_a_record_that_does_not_verify_waits_for_those_who_oversee(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket = submitted(then=[S.APPROVED])
    audrey, paul = visit(Role.AUDITOR), visit(Role.APPROVER)
    assert "Nobody has verified the record yet." in audrey.get("/").text
    record.ledger.verify_for("auditor")
    assert "no link was broken." in audrey.get("/").text
    record.objects.remove_all(f"tickets/{ticket.id}/events/000002")
    record.ledger.verify_for("auditor")
    page = audrey.get("/").text
    assert "The record is broken" in page
    assert "The last verification found 1 broken link." in page
    assert "The record is broken" not in paul.get("/").text


def test_an_administrator_is_told_when_no_worker_is_alive(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    submitted()
    ada = visit(Role.ADMIN)
    assert ada.get("/").text.count("No worker is alive") == 2
    presence.say(record.redis, "cpu@one", ["cpu"], holds=False)
    assert "No worker is alive" not in ada.get("/").text


def test_of_many_workers_the_desk_shows_a_few_and_how_many_there_are(
    visit: Visit, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "WORKERS", 2)
    for number in range(5):
        presence.say(record.redis, f"gpu@{number}", ["gpu"], holds=False)
    page = visit(Role.ADMIN).get("/").text
    assert "gpu@1" in page
    assert "gpu@2" not in page
    assert "and 3 more workers" in page


def test_a_desk_with_nothing_to_do_says_so(visit: Visit, submitted: Submit) -> None:
    submitted(then=[S.DENIED])
    page = visit(Role.APPROVER).get("/").text
    assert "Nothing waits for you." in page
    assert "No open ticket is due within seven days." in page


def test_the_desk_shows_a_bounded_number_of_tickets_the_most_urgent_and_how_many_there_are(
    visit: Visit, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "SHOWN", 2)
    waiting = [submitted(days=days) for days in (20, 12, 15, 4)]
    page = visit(Role.APPROVER).get("/").text
    # the earliest deadlines, though one of them came last
    assert waits(page) == [waiting[3].id, waiting[1].id]
    assert "All 4</a>" in page
    assert "/tickets?state=failed&amp;state=needs_review&amp;state=submitted&amp;sort=" in page


def test_the_desk_shows_the_models_with_work_or_a_verdict_and_where_the_others_are(
    visit: Visit, submitted: Submit, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        record.models.create(Model(f"a-{number}", "reference", "benchmark"))
    monkeypatch.setattr(home, "CARDS", 2)
    submitted()
    page = visit(Role.APPROVER).get("/").text
    assert "/models/a-0" in page
    assert f"/models/{MODEL}" in page
    assert "/models/a-1" not in page
    assert "All 4 models" in page


def test_an_empty_desk_says_what_to_do_first(visit: Visit) -> None:
    page = visit(Role.ADMIN).get("/").text
    assert "Three steps to the first erasure" in page
    assert "lethe models add" in page
    assert "No worker is alive" in page
