"""One ticket's page: what it shows of where the ticket stands, and what may be done there."""

from collections.abc import Callable

import pytest

from storage.accounts.users import Role
from storage.record import Record
from storage.tickets.events import Notice
from storage.tickets.photos import Selection
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.conftest import Visitor

S = State
PREPARED = (S.APPROVED, S.PREPARING, S.QUEUED)
Submit = Callable[..., Ticket]
Visit = Callable[..., Visitor]
SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        (Role.REQUESTER, {"cancel"}),
        (Role.APPROVER, {"approve", "deny", "cancel", "extend"}),
        (Role.AUDITOR, set()),
        (Role.ADMIN, {"approve", "deny", "cancel", "extend"}),
    ],
)
def test_a_page_offers_what_role_and_state_allow(
    visit: Visit, submitted: Submit, role: Role, offered: set[str]
) -> None:
    ticket = submitted()
    page = visit(role).get(f"/tickets/{ticket.id}").text
    actions = {"approve", "deny", "cancel", "retry", "extend", "photos", "archive", "restore"}
    assert {item for item in actions if f"/tickets/{ticket.id}/{item}" in page} == offered


def test_refused_photos_are_named_with_the_reason_and_escaped(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket = submitted(then=PREPARED)
    line = f"{SCRIPT}.jpg: no faces found; give another"
    record.photos.keep_selection(
        ticket.id, Selection(("a",), ("b",), ((f"{SCRIPT}.jpg", "no_face", line),))
    )
    page = visit(Role.AUDITOR).get(f"/tickets/{ticket.id}").text
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;.jpg"
    assert f"<strong>{escaped}</strong>: no faces found; give another" in page
    assert SCRIPT not in page


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        ({"verdict": "refused"}, ["Refused"]),
        ({"verdict": "passed", "headline": {"forget_tmr_after": None}, "summary": "odd"}, ["odd"]),
        (
            {
                "verdict": "passed",
                "version": 2,
                "summary": ["The subject is no longer recognised."],
                "headline": {
                    "forget_tmr_before": 0.891,
                    "forget_tmr_after": 0.034,
                    "benchmark_tmr_before": 0.812,
                    "fmr": 0.001,
                    "threshold": 0.36,
                },
            },
            ["89.1 %", "3.4 %", "81.2 %", "FMR 0.001, cosine 0.360", "no longer recognised"],
        ),
    ],
)
def test_a_verdict_shows_the_figures_that_are_there(
    visit: Visit, submitted: Submit, record: Record, result: dict[str, object], shown: list[str]
) -> None:
    ticket = submitted(then=(*PREPARED, S.UNLEARNING, S.CERTIFYING))
    record.tickets.move(ticket.id, S.NEEDS_REVIEW, "worker", result=result)
    page = visit(Role.AUDITOR).get(f"/tickets/{ticket.id}").text
    for words in shown:
        assert words in page


def test_a_ticket_that_is_not_there_says_what_happened_and_what_to_do(visit: Visit) -> None:
    audrey = visit(Role.AUDITOR)
    for path in ("/tickets/t000000000000", "/tickets/..%2f..%2fusers", "/tickets/' or 1=1"):
        answer = audrey.get(path)
        assert answer.status_code == 404, path
        for words in ("What happened", "What was kept", "What to do"):
            assert words in answer.text


def test_the_time_line_says_who_did_what_when_how_long_it_took_and_which_attempt_it_was(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket = submitted("rita", then=(*PREPARED, S.UNLEARNING))
    record.tickets.move(ticket.id, S.FAILED, "worker", note=f"OSError {SCRIPT}")
    record.tickets.note(ticket.id, Notice.DEADLINE_NEAR, "clock")
    for state in (S.QUEUED, S.UNLEARNING):
        record.tickets.move(ticket.id, state, "worker")
    page = visit(Role.AUDITOR).get(f"/tickets/{ticket.id}").text
    events = page[page.index('class="timeline"') : page.index("<aside")]
    assert events.index("attempt 2") < events.index("Deadline near") < events.index("Submitted")
    for words in ("by the clock", "by a worker", "by rita", "lasted under a second", "OSError"):
        assert words in events
    assert events.count("<time ") == 9
    assert SCRIPT not in page


def test_of_many_events_the_newest_come_first_and_all_of_them_on_demand(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket = submitted(then=PREPARED)
    for _ in range(6):
        for state in (S.UNLEARNING, S.FAILED, S.QUEUED):
            record.tickets.move(ticket.id, state, "worker")
    audrey = visit(Role.AUDITOR)
    page = audrey.get(f"/tickets/{ticket.id}").text
    assert "7 earlier events" in page
    assert "attempt 6" in page
    assert "Submitted</strong>" not in page
    page = audrey.get(f"/tickets/{ticket.id}?all=1").text
    assert "earlier event" not in page
    assert page.count("<li class=") >= 22
    assert "Submitted</strong>" in page


@pytest.mark.parametrize(
    ("then", "status"),
    [
        ((), "now ahead ahead ahead ahead ahead ahead"),
        ((*PREPARED, S.UNLEARNING), "done done done now ahead ahead ahead"),
        ((*PREPARED, S.UNLEARNING, S.FAILED), "done done done stopped ahead ahead ahead"),
        ((S.APPROVED, S.PREPARING, S.NEEDS_PHOTOS), "done stopped ahead ahead ahead ahead ahead"),
        ((S.DENIED,), "stopped ahead ahead ahead ahead ahead ahead"),
        (
            (*PREPARED, S.UNLEARNING, S.CERTIFYING, S.PUBLISHING, S.COMPLETED),
            "done done done done done done done",
        ),
    ],
)
def test_the_steps_say_what_is_done_what_runs_and_where_it_stopped(
    visit: Visit, submitted: Submit, then: tuple[State, ...], status: str
) -> None:
    page = visit(Role.AUDITOR).get(f"/tickets/{submitted(then=then).id}").text
    way = page[page.index('<ol class="way"') :]
    way = way[: way.index("</ol>")]
    found = [item.split('"')[0] for item in way.split('<li class="')[1:]]
    assert " ".join(found) == status
    assert ('aria-current="step"' in way) == ("now" in found)


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ((*PREPARED, S.UNLEARNING, S.FAILED), "the work goes on from where it stopped"),
        ((S.APPROVED, S.PREPARING, S.NEEDS_PHOTOS), "Add better photos below"),
        ((*PREPARED, S.UNLEARNING, S.CERTIFYING, S.NEEDS_REVIEW), "which rules were missed"),
        ((S.DENIED,), "GDPR Art. 12(4)"),
        ((S.CANCELLED,), "submit a new ticket"),
    ],
)
def test_a_ticket_that_stopped_says_what_happened_what_was_kept_and_what_to_do(
    visit: Visit, submitted: Submit, then: tuple[State, ...], words: str
) -> None:
    page = visit(Role.AUDITOR).get(f"/tickets/{submitted(then=then).id}").text
    for part in ("What happened", "What was kept", "What to do", words):
        assert part in page


def test_missed_rules_come_first_and_odd_ones_break_nothing(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket = submitted(then=(*PREPARED, S.UNLEARNING, S.CERTIFYING))
    rules = [
        {"text": "Everybody else is kept", "estimate": 0.01, "outcome": "passed"},
        {"text": SCRIPT, "estimate": 0.21, "threshold": 0.1, "outcome": "failed"},
        {"estimate": "x"},
        "odd",
    ]
    record.tickets.move(
        ticket.id,
        S.NEEDS_REVIEW,
        "worker",
        result={"verdict": "refused"},
        data={"certification": {"rules": rules}},
    )
    page = visit(Role.AUDITOR).get(f"/tickets/{ticket.id}").text
    assert "3 rules of the policy" in page
    assert page.index("&lt;script&gt;") < page.index("Everybody else is kept")
    assert "0.21 " in page
    assert SCRIPT not in page
