import re
from collections.abc import Callable

import pytest

from storage.models import Model
from storage.photos import Selection
from storage.progress import Progress
from storage.record import Record
from storage.states import State
from storage.ticket import Ticket
from storage.users import Role
from tests.web.conftest import MODEL, SUBJECT, Visitor
from web import fleet, home, models, tickets
from web.services import services

S = State
PREPARED = (S.APPROVED, S.PREPARING, S.QUEUED)
Submit = Callable[..., Ticket]
Visit = Callable[..., Visitor]
SCRIPT = "<script>alert(1)</script>"


def test_a_requester_cannot_approve(visit: Visit, submitted: Submit, record: Record) -> None:
    ticket = submitted()
    answer = visit(Role.REQUESTER).post(f"/tickets/{ticket.id}/approve")
    assert answer.status_code == 403
    assert record.tickets.load(ticket.id).state is State.SUBMITTED


def test_an_approval_is_recorded_with_its_name_and_sends_the_preparation(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket, paul = submitted(), visit(Role.APPROVER)
    assert "Approve</button>" in paul.get(f"/tickets/{ticket.id}").text
    assert paul.post(f"/tickets/{ticket.id}/approve").status_code == 303
    last = record.tickets.events(ticket.id)[-1]
    assert (last.state, last.actor) == (State.APPROVED, "approver")
    with paul.client.application.app_context():
        assert fleet.queue_lengths(services().queue) == {"cpu": 1, "gpu": 0}


def test_a_second_approval_is_a_conflict_and_leaves_the_ticket_alone(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket, paul = submitted(), visit(Role.APPROVER)
    paul.post(f"/tickets/{ticket.id}/approve")
    again = paul.post(f"/tickets/{ticket.id}/approve")
    assert again.status_code == 409
    assert "is approved and cannot become approved" in again.text
    assert len(record.tickets.events(ticket.id)) == 2


def test_a_denial_needs_a_reason_shows_it_escaped_and_removes_the_photos(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket, paul = submitted(), visit(Role.APPROVER)
    assert paul.post(f"/tickets/{ticket.id}/deny", {"reason": "  "}).status_code == 400
    assert record.photos.left(ticket.id) > 0
    assert paul.post(f"/tickets/{ticket.id}/deny", {"reason": SCRIPT}).status_code == 303
    page = paul.get(f"/tickets/{ticket.id}").text
    assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert record.photos.left(ticket.id) == 0
    assert "all removed" in page


def test_a_requester_cancels_their_own_ticket_and_nobody_elses(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    own, other = submitted("requester"), submitted("somebody")
    rita = visit(Role.REQUESTER)
    assert "Cancel the ticket" not in rita.get(f"/tickets/{other.id}").text
    assert rita.post(f"/tickets/{other.id}/cancel").status_code == 403
    assert rita.post(f"/tickets/{own.id}/cancel").status_code == 303
    assert record.tickets.load(other.id).state is State.SUBMITTED
    assert record.tickets.load(own.id).state is State.CANCELLED


def test_a_failed_ticket_goes_on_where_its_work_stopped(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket = submitted(then=(*PREPARED, S.UNLEARNING, S.FAILED))
    record.photos.keep_selection(ticket.id, Selection(("a", "b"), ("c",), ()))
    paul = visit(Role.APPROVER)
    assert paul.post(f"/tickets/{ticket.id}/retry").status_code == 303
    assert record.tickets.load(ticket.id).state is State.QUEUED


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        (Role.REQUESTER, {"cancel"}),
        (Role.APPROVER, {"approve", "deny", "cancel"}),
        (Role.AUDITOR, set()),
        (Role.ADMIN, {"approve", "deny", "cancel"}),
    ],
)
def test_a_page_offers_what_role_and_state_allow(
    visit: Visit, submitted: Submit, role: Role, offered: set[str]
) -> None:
    ticket = submitted()
    page = visit(role).get(f"/tickets/{ticket.id}").text
    actions = {"approve", "deny", "cancel", "retry"}
    assert {item for item in actions if f"/tickets/{ticket.id}/{item}" in page} == offered


def test_progress_shows_the_stage_that_the_ticket_is_in_and_no_earlier_one(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket = submitted(then=(*PREPARED, S.UNLEARNING))
    audrey = visit(Role.AUDITOR)
    shown = Progress("unlearning", 0.42, "step 126 of 300", {"forget_tmr": 0.21301})
    record.progress.show(ticket.id, shown)
    assert audrey.get(f"/tickets/{ticket.id}/progress").json == {
        "state": "unlearning",
        "words": "Unlearning",
        "live": True,
        "fraction": 0.42,
        "text": "step 126 of 300",
        "figures": {"forget TMR": "0.213"},
    }
    page = audrey.get(f"/tickets/{ticket.id}").text
    assert 'value="0.42"' in page
    assert '<noscript><meta http-equiv="refresh"' in page
    record.tickets.move(ticket.id, S.CERTIFYING, "worker")
    found = audrey.get(f"/tickets/{ticket.id}/progress").json
    assert (found["state"], found["fraction"], found["text"]) == ("certifying", None, "")


def test_progress_of_no_ticket_is_a_problem_document(visit: Visit) -> None:
    answer = visit(Role.AUDITOR).get("/tickets/t000000000000/progress")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == 404
    assert "there is none of this id" in answer.json["detail"]


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


def test_the_list_narrows_by_state_and_model(visit: Visit, submitted: Submit) -> None:
    waiting, queued = submitted(), submitted(then=PREPARED)
    audrey = visit(Role.AUDITOR)
    everything = audrey.get("/tickets").text
    assert waiting.id in everything
    assert queued.id in everything
    narrowed = audrey.get(f"/tickets?state=queued&model={MODEL}").text
    assert queued.id in narrowed
    assert waiting.id not in narrowed
    assert audrey.get("/tickets?state=nonsense").status_code == 400
    assert audrey.get("/tickets?model=<script>").status_code == 400


def test_the_desk_shows_first_what_waits_for_people_and_how_long_it_may(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    running, late, early = submitted(days=1, then=PREPARED), submitted(days=9), submitted(days=3)
    record.redis.set("lethe:worker:gpu@one", "1")
    page = visit(Role.APPROVER).get("/").text
    assert page.index(early.id) < page.index(late.id) < page.index(running.id)
    for words in ("3 days left", "9 days left", "1 day left", "gpu@one", "Busy", SUBJECT):
        assert words in page


def test_the_desk_reads_a_bounded_number_of_tickets_and_loses_none_that_is_urgent(
    visit: Visit, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "SHOWN", 2)
    waiting = [submitted(days=days) for days in (20, 12, 15, 4)]
    running, denied = submitted(days=1, then=PREPARED), submitted(days=2, then=[S.DENIED])
    page = visit(Role.APPROVER).get("/").text
    # the earliest deadlines of those that wait for people, though they came last
    assert page.index(waiting[3].id) < page.index(waiting[1].id)
    for ticket in (waiting[0], waiting[2], running, denied):
        assert ticket.id not in page
    assert "3 more open tickets" in page


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


def test_pages_of_the_list_follow_on_one_another_and_lose_nothing(
    visit: Visit, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets, "SHOWN", 2)
    ids = [submitted().id for _ in range(5)]
    audrey, path, seen = visit(Role.AUDITOR), f"/tickets?state=submitted&model={MODEL}", []
    for _ in range(3):
        page = audrey.get(path).text
        seen.append([ticket for ticket in reversed(ids) if f'/tickets/{ticket}"' in page])
        found = re.search(r'<a class="button" rel="next" href="([^"]+)">', page)
        path = found.group(1).replace("&amp;", "&") if found else ""
    assert [len(part) for part in seen] == [2, 2, 1]
    assert {ticket for part in seen for ticket in part} == set(ids)
    assert not path
    assert audrey.get("/tickets?after=nonsense").status_code == 404
    assert "No older ticket" in audrey.get(f"/tickets?after={'t' + '0' * 12}").text


def test_of_very_many_models_one_gives_the_name(
    visit: Visit, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, audrey = submitted(), visit(Role.AUDITOR)
    assert f"<option>{MODEL}</option>" in audrey.get("/tickets").text
    monkeypatch.setattr(tickets, "CHOSEN", 0)
    page = audrey.get(f"/tickets?model={MODEL}").text
    assert f'<input name="model" value="{MODEL}"' in page
    assert ticket.id in page


def test_the_list_of_models_has_pages_too(
    visit: Visit, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SHOWN", 2)
    for number in range(3):
        record.models.create(Model(f"gate-{number}", "reference", "benchmark"))
    audrey = visit(Role.AUDITOR)
    page = audrey.get("/models").text
    assert "/models/gate-1" in page
    assert "/models/gate-2" not in page
    assert "/models?after=gate-1" in page
    page = audrey.get("/models?after=gate-1").text
    assert "/models/gate-2" in page
    assert "/models/gate-1" not in page
    assert "No more models" in audrey.get("/models?after=zzz").text


def test_an_empty_desk_says_what_to_do_first(visit: Visit) -> None:
    page = visit(Role.ADMIN).get("/").text
    assert "Three steps to the first erasure" in page
    assert "lethe models add" in page
    assert "No worker is alive" in page


def test_a_ticket_that_is_not_there_says_what_happened_and_what_to_do(visit: Visit) -> None:
    audrey = visit(Role.AUDITOR)
    for path in ("/tickets/t000000000000", "/tickets/..%2f..%2fusers", "/tickets/' or 1=1"):
        answer = audrey.get(path)
        assert answer.status_code == 404, path
        for words in ("What happened", "What was kept", "What to do"):
            assert words in answer.text
