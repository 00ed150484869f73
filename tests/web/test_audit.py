"""The audit page: the log by pages and filters, as a file, and the record verified from it."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from storage import object_names
from storage.accounts.users import Role
from storage.audit.log import Act
from storage.record import Record
from storage.tickets.ticket import Ticket
from tests.web.conftest import Visitor
from web.operations import audit
from web.operations.act_words import ACTS

Visit = Callable[[Role], Visitor]


def rows(page: str) -> list[str]:
    return page.split('<tbody role="rowgroup">')[1].split("</tbody>")[0].split("<tr")[1:]


def test_every_act_has_words() -> None:
    assert set(ACTS) == set(Act)


def test_the_log_says_who_did_what_to_what_the_newest_first(visit: Visit, record: Record) -> None:
    audrey = visit(Role.AUDITOR)
    record.audit.write("ada", Act.ROLE_CHANGED, "grace", {"role": "approver"})
    record.audit.write("ada", Act.VERSION_PROMOTED, "door-cameras", {"version": 3})
    first, second = rows(audrey.get("/audit").text)[:2]
    assert "Version promoted" in first
    assert 'href="/models/door-cameras"' in first
    for words in ("Role changed", "ada", "grace", "approver"):
        assert words in second


def test_texts_from_outside_are_shown_as_text(visit: Visit, record: Record) -> None:
    record.audit.write("<b>ada", Act.USER_ADDED, "<script>alert(1)</script>", {"<i>": "<u>"})
    page = visit(Role.AUDITOR).get("/audit").text
    for words in ("<b>ada", "<script>alert", "<u>"):
        assert words not in page
    assert "&lt;script&gt;alert(1)" in page


def test_it_is_filtered_by_actor_act_and_day(visit: Visit, record: Record) -> None:
    audrey = visit(Role.AUDITOR)
    record.audit.write("ada", Act.ROLE_CHANGED, "somebody")
    record.audit.write("grace", Act.ROLE_CHANGED, "somebody")
    record.audit.write("grace", Act.USER_ADDED, "somebody")
    today = datetime.now(UTC).date().isoformat()
    assert len(rows(audrey.get("/audit?actor=grace").text)) == 2
    assert len(rows(audrey.get("/audit?act=role_changed").text)) == 2
    assert len(rows(audrey.get(f"/audit?actor=grace&act=role_changed&day={today}").text)) == 1
    assert "No entry fits the filter" in audrey.get("/audit?day=2001-01-01").text
    assert audrey.get("/audit?day=tomorrow").status_code == 400


def test_older_entries_come_page_by_page(
    visit: Visit, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "SHOWN", 3)
    audrey = visit(Role.AUDITOR)
    for number in range(5):
        record.audit.write("ada", Act.USER_ADDED, f"user-{number}")
    page = audrey.get("/audit?actor=ada").text
    assert len(rows(page)) == 3
    older = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    page = audrey.get(older).text
    assert [f"user-{number}" in page for number in range(5)] == [True, True, False, False, False]
    assert 'rel="next"' not in page


def test_a_broken_entry_stands_in_its_place(visit: Visit, record: Record) -> None:
    for number in range(3):
        record.audit.write("ada", Act.USER_ADDED, f"user-{number}")
    name = object_names.audit_entry(2)
    record.objects.put(name, b"{}")
    page = visit(Role.AUDITOR).get("/audit").text
    assert f"{name}: not an entry of the audit log" in page
    assert "user-0" in page
    assert "user-2" in page


def test_an_index_that_lost_entries_is_said(visit: Visit, record: Record) -> None:
    record.audit.write("ada", Act.USER_ADDED, "grace")
    record.redis.flushall()
    audrey = visit(Role.AUDITOR)
    record.audit.write("ada", Act.USER_ADDED, "alan")
    assert "Redis lost part of the index" in audrey.get("/audit").text
    record.ledger.rebuild()
    page = audrey.get("/audit").text
    assert "Redis lost part of the index" not in page
    assert "grace" in page


def test_the_file_holds_what_the_filter_leaves_and_runs_nothing_in_a_spreadsheet(
    visit: Visit, record: Record
) -> None:
    audrey = visit(Role.AUDITOR)
    record.audit.write("ada", Act.USER_ADDED, "=cmd()", {"why": "x"})
    record.audit.write("grace", Act.USER_ADDED, "alan")
    answer = audrey.get("/audit.csv?actor=ada")
    assert "attachment" in answer.headers["Content-Disposition"]
    found = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["about"] for row in found] == ["'=cmd()"]
    assert (found[0]["act"], found[0]["facts"]) == ("user_added", "why=x")
    last = record.audit.newest(Act.AUDIT_EXPORTED)
    assert last is not None
    assert (last.actor, last.facts) == ("auditor", {"actor": "ada"})


def test_the_record_is_verified_once_at_a_time(visit: Visit, record: Record) -> None:
    audrey = visit(Role.AUDITOR)
    with record.leases.hold("ledger", "verification"):
        answer = audrey.post("/audit")
    assert answer.status_code == 409
    assert "The record is being verified already" in answer.text
    assert audrey.post("/audit").status_code == 200


@pytest.mark.usefixtures("model")
def test_the_audit_page_names_what_is_broken_and_keeps_who_verified_when(
    visit: Visit, record: Record, submitted: Callable[..., Ticket]
) -> None:
    ticket, audrey = submitted(), visit(Role.AUDITOR)
    assert "Never verified yet" in audrey.get("/audit").text
    assert "Every link of the record is intact." in audrey.post("/audit").text
    page = audrey.get("/audit").text
    assert "by auditor: intact" in " ".join(page.replace("</time>", "").split())
    name = object_names.event(ticket.id, 1, ticket.state)
    document = record.objects.get_document(name)
    record.objects.put_document(name, {**document, "number": 2})
    page = audrey.post("/audit").text
    assert f"{name}: the chain of events breaks here" in page
    assert "1 broken link" in audrey.get("/audit").text
    assert audrey.get(f"/tickets/{ticket.id}").status_code == 500
