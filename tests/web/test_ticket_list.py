"""The list of tickets: filters, orders, pages, and what of it can be taken along."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from html import unescape

import pytest

from storage.accounts.users import Role
from storage.audit.log import Act, AuditLog
from storage.record import Record
from storage.store.objects import StoreUnavailable
from storage.tickets.request import LegalGround
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.conftest import MODEL, SUBJECT, Visitor
from web.tickets import index as tickets
from web.tickets import ticket_export

S = State
Submit = Callable[..., Ticket]
Visit = Callable[..., Visitor]
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def listed(record: Record, model: object) -> Callable[..., Ticket]:  # noqa: ARG001 - it is named
    """Puts a ticket into the index alone, which is all that the list reads."""
    made: list[Ticket] = []

    def write(days: int = 30, **changed: object) -> Ticket:
        at = f"2026-03-01T09:{len(made):02d}:00.000+00:00"
        plain = Ticket(
            id=f"t{len(made):012d}",
            model=MODEL,
            subject=f"DSR-2026-{len(made):04d}",
            state=State.SUBMITTED,
            legal_ground=str(LegalGround.CONSENT_WITHDRAWN),
            deadline=(date.today() + timedelta(days=days)).isoformat(),
            photos=3,
            submitted_at=at,
            submitted_by="rita",
            updated_at=at,
        )
        made.append(replace(plain, **changed))  # type: ignore[arg-type]
        record.tickets.index.write(made[-1])
        return made[-1]

    return write


def shown(page: str) -> list[str]:
    """Ids of the tickets in the table, in its order."""
    return re.findall(r'class="row-link mono" href="/tickets/(t\w{12})"', page)


def links(page: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'href="([^"]+)"', page)]


def test_the_list_narrows_by_states_model_person_text_and_archive(
    visit: Visit, listed: Submit
) -> None:
    waiting = listed(submitted_by="auditor")
    queued = listed(state=S.QUEUED)
    gone = listed(state=S.DENIED, archived=True)
    denied = listed(state=S.DENIED, subject="HR-7")
    audrey = visit(Role.AUDITOR)
    for query, wanted in {
        "": [denied, queued, waiting],
        "?state=queued": [queued],
        "?state=queued&state=denied": [denied, queued],
        f"?model={MODEL}&state=submitted": [waiting],
        "?mine=1": [waiting],
        "?archived=1": [gone],
        "?q=hr-7": [denied],
        "?q=2026-0001": [queued],
        f"?q={waiting.id}": [waiting],
        "?q=DSR&state=denied": [],
        "?state=&model=&due=&q=&from=&to=&sort=": [denied, queued, waiting],
    }.items():
        assert shown(audrey.get(f"/tickets{query}").text) == [each.id for each in wanted], query


def test_the_list_narrows_by_deadline(visit: Visit, listed: Submit) -> None:
    late, soon, later, far = (listed(days) for days in (-1, 7, 30, 31))
    over = listed(-1, state=S.COMPLETED)  # it waits for no deadline any more
    day = (date.today() + timedelta(days=7)).isoformat()
    audrey = visit(Role.AUDITOR)
    for query, wanted in {
        "?due=overdue": [late],
        "?due=7": [soon],
        "?due=30&sort=deadline": [soon, later],
        f"?from={day}": [far, later, soon],
        f"?to={day}&sort=deadline": [late, over, soon],
        f"?from={day}&to={day}": [soon],
        f"?due=30&from={day}&sort=-deadline": [later, soon],
        "?due=overdue&state=completed": [],
    }.items():
        assert shown(audrey.get(f"/tickets{query}").text) == [each.id for each in wanted], query


@pytest.mark.parametrize(
    "query",
    [
        "state=nonsense",
        "model=<script>",
        "due=never",
        "sort=mood",
        "from=yesterday",
        "to=0001-01-01",
        "after=nonsense",
        "before=1_x",
    ],
)
def test_what_the_form_does_not_offer_is_refused_by_name(
    visit: Visit, listed: Submit, query: str
) -> None:
    listed()
    answer = visit(Role.AUDITOR).get(f"/tickets?{query}")
    assert answer.status_code == 400
    assert "<script>" not in answer.text
    assert "What to do" in answer.text


def test_each_order_has_both_ways_and_its_column_says_so(visit: Visit, listed: Submit) -> None:
    first = listed(20, updated_at="2026-03-05T00:00:00.000+00:00", state=S.QUEUED)
    second = listed(10)
    audrey = visit(Role.AUDITOR)
    for order, wanted in {
        "submitted": [first, second],
        "-submitted": [second, first],
        "deadline": [second, first],
        "-deadline": [first, second],
        "changed": [second, first],
        "-changed": [first, second],
    }.items():
        page = audrey.get(f"/tickets?sort={order}").text
        assert shown(page) == [each.id for each in wanted], order
        way = "descending" if order.startswith("-") else "ascending"
        assert page.count("aria-sort") == page.count(f'aria-sort="{way}"') == 1
    assert "/tickets?state=queued&sort=-deadline" in links(
        audrey.get("/tickets?sort=deadline&state=queued").text
    )


def test_each_filter_in_use_is_a_chip_that_takes_it_away_and_leaves_the_others(
    visit: Visit, listed: Submit
) -> None:
    listed()
    page = visit(Role.AUDITOR).get("/tickets?q=dsr&state=queued&state=denied&due=7&sort=deadline")
    for query in (
        "state=queued&state=denied&due=7&sort=deadline",
        "q=dsr&state=denied&due=7&sort=deadline",
        "q=dsr&state=queued&due=7&sort=deadline",
        "q=dsr&state=queued&state=denied&sort=deadline",
    ):
        assert f"/tickets?{query}" in links(page.text), query
    assert "Remove the filter:" in page.text
    assert "No ticket fits these filters" in page.text


def test_pages_of_the_list_follow_on_one_another_both_ways_and_lose_nothing(
    visit: Visit, listed: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets, "SHOWN", 2)
    ids = [listed(9).id for _ in range(5)]
    audrey, path, seen = visit(Role.AUDITOR), "/tickets?state=submitted&due=30&sort=deadline", []
    for _ in range(3):
        page = audrey.get(path).text
        seen.append(shown(page))
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(found.group(1)) if found else ""
    assert seen == [ids[:2], ids[2:4], ids[4:]]
    assert not path
    assert "5 to 5 of 5 tickets" in page
    back = re.search(r'rel="prev" href="([^"]+)"', page)
    assert back
    page = audrey.get(unescape(back.group(1))).text
    assert shown(page) == ids[2:4]
    assert "3 to 4 of 5 tickets" in page


def test_a_list_without_tickets_says_what_to_do(visit: Visit, listed: Submit) -> None:
    rita = visit(Role.REQUESTER)
    assert "Submit the first ticket" in rita.get("/tickets").text
    assert "No ticket fits these filters" in rita.get("/tickets?archived=1").text
    only = listed()
    assert "search among them" in rita.get("/tickets?q=elsewhere").text
    nothing = rita.get(f"/tickets?after=1_{only.id}").text
    assert "Nothing follows here" in nothing


def test_of_very_many_models_one_gives_the_name(
    visit: Visit, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, audrey = submitted(), visit(Role.AUDITOR)
    assert f"<option>{MODEL}</option>" in audrey.get("/tickets").text
    monkeypatch.setattr(tickets, "CHOSEN", 0)
    page = audrey.get(f"/tickets?model={MODEL}").text
    assert f'<input name="model" value="{MODEL}"' in page
    assert ticket.id in page


def test_a_text_that_is_looked_for_is_shown_escaped(visit: Visit, listed: Submit) -> None:
    listed()
    page = visit(Role.AUDITOR).get("/tickets", query_string={"q": f'"{SCRIPT}'}).text
    assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def exported(answer: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer, newline="")))


def test_the_export_holds_every_page_of_what_the_list_shows_and_the_audit_log_says_so(
    visit: Visit, listed: Submit, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_export, "AT_ONCE", 2)
    made = [listed(days) for days in (5, 4, 3, 2, 1)]
    listed(state=S.QUEUED)
    audrey = visit(Role.AUDITOR)
    query = "q=dsr-2026&state=submitted&sort=deadline"
    assert f"/tickets.csv?{query}" in links(audrey.get(f"/tickets?{query}").text)
    answer = audrey.get(f"/tickets.csv?{query}")
    assert answer.content_type == "text/csv; charset=utf-8; header=present"
    assert re.fullmatch(
        r'attachment; filename="lethe-tickets-\d{8}T\d{6}Z.csv"',
        answer.headers["Content-Disposition"],
    )
    rows = exported(answer.text)
    assert [row["ticket"] for row in rows] == [each.id for each in reversed(made)]
    assert answer.text.count("\r\n") == answer.text.count("\n") == 6
    assert rows[0]["submitted_at"] == "2026-03-01T09:04:00Z"
    assert rows[0]["deadline"] == made[4].deadline
    last = record.audit.newest(Act.TICKETS_EXPORTED)
    assert last is not None
    assert last.actor == "auditor"
    assert last.facts == {"tickets": 5, "state": "submitted", "sort": "deadline", "text": "yes"}


@pytest.mark.parametrize(
    ("note", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("＝1", "'＝1"),
        ('he said "no",\nthen left', 'he said "no",\nthen left'),
        ("не вышло", "не вышло"),
    ],
)
def test_no_cell_of_the_export_is_a_formula_and_each_is_read_back_whole(
    visit: Visit, listed: Submit, note: str, cell: str
) -> None:
    listed(note=note, state=S.DENIED)
    (row,) = exported(visit(Role.APPROVER).get("/tickets.csv").text)
    assert row["note"] == cell


def test_an_export_that_the_audit_log_cannot_take_does_not_leave(
    visit: Visit, listed: Submit, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailable("the store is away")

    ticket, paul = listed(), visit(Role.APPROVER)
    monkeypatch.setattr(AuditLog, "write", away)
    answer = paul.get("/tickets.csv")
    assert answer.status_code == 503
    assert ticket.id not in answer.text
    assert record.audit.newest(Act.TICKETS_EXPORTED) is None


def test_a_requester_sees_no_export(visit: Visit, listed: Submit) -> None:
    listed()
    rita = visit(Role.REQUESTER)
    assert "tickets.csv" not in rita.get("/tickets").text
    assert rita.get("/tickets.csv").status_code == 403


def test_the_list_shows_the_subject_and_how_long_is_left(visit: Visit, submitted: Submit) -> None:
    ticket = submitted(days=3)
    page = visit(Role.AUDITOR).get("/tickets").text
    for words in (ticket.id, SUBJECT, "3 days left", "by requester"):
        assert words in page
