"""One ticket's page: what it shows of where the ticket stands, and what may be done there."""

import io
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from storage.events import Notice
from storage.photos import Selection
from storage.record import Record
from storage.request import months_after
from storage.states import State
from storage.ticket import Ticket
from storage.users import Role
from tests.web.conftest import Visitor, jpeg
from web import fleet
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


def test_a_deadline_is_extended_with_a_reason_and_within_the_law_alone(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket, paul = submitted(), visit(Role.APPROVER)
    last = months_after(date.today(), 3)
    page = paul.get(f"/tickets/{ticket.id}").text
    assert f'max="{last}"' in page
    path = f"/tickets/{ticket.id}/extend"
    new = {"deadline": last.isoformat(), "reason": "many requests at once"}
    assert paul.post(path, {**new, "reason": " "}).status_code == 400
    assert paul.post(path, {**new, "deadline": "soon"}).status_code == 400
    later = {**new, "deadline": (last + timedelta(days=1)).isoformat()}
    assert "GDPR Art. 12(3)" in paul.post(path, later).text
    assert record.tickets.load(ticket.id).deadline == ticket.deadline
    assert paul.post(path, new).status_code == 303
    assert record.tickets.load(ticket.id).deadline == last.isoformat()
    page = paul.get(f"/tickets/{ticket.id}").text
    assert "Deadline extended" in page
    assert "many requests at once" in page
    assert path not in page  # there is no later day that the law allows


def test_photos_are_added_to_a_ticket_that_needs_them_and_bad_ones_are_named(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    needy = (S.APPROVED, S.PREPARING, S.NEEDS_PHOTOS)
    own, other = submitted("requester", then=needy), submitted("somebody", then=needy)
    rita = visit(Role.REQUESTER)
    path = f"/tickets/{own.id}/photos"
    assert "Add photos" in rita.get(f"/tickets/{own.id}").text
    assert "Add photos" not in rita.get(f"/tickets/{other.id}").text
    assert rita.post(f"/tickets/{other.id}/photos").status_code == 403
    bad = rita.post(path, {"photos": (io.BytesIO(b"no picture"), "<b>.jpg")})
    assert bad.status_code == 422
    assert "&lt;b&gt;.jpg: " in bad.text
    assert record.tickets.load(own.id).state is S.NEEDS_PHOTOS
    good = rita.post(path, {"photos": (io.BytesIO(jpeg(9)), "another.jpg")})
    assert good.status_code == 303
    moved = record.tickets.load(own.id)
    assert (moved.state, moved.photos) == (S.APPROVED, 4)


def test_an_ended_ticket_leaves_the_lists_and_comes_back(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    open_, ended = submitted(), submitted(then=(S.DENIED,))
    paul = visit(Role.APPROVER)
    assert paul.post(f"/tickets/{open_.id}/archive").status_code == 409
    path = f"/tickets/{ended.id}"
    assert paul.post(f"{path}/archive", {"reason": "done"}).status_code == 303
    assert record.tickets.load(ended.id).archived
    page = paul.get(path).text
    assert "Archived" in page
    assert f"{path}/archive" not in page
    assert paul.post(f"{path}/restore").status_code == 303
    assert not record.tickets.load(ended.id).archived


def test_an_approval_says_before_what_it_will_deploy(visit: Visit, submitted: Submit) -> None:
    page = visit(Role.APPROVER).get(f"/tickets/{submitted().id}").text
    assert "prepares 3 photos" in page
    assert "A version that passes is deployed at once" in page
