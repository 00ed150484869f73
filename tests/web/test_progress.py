"""Live progress: what a ticket's page asks for again and again."""

import re
from collections.abc import Callable

import pytest

from storage import keys
from storage.accounts.users import Role
from storage.record import Record
from storage.store.objects import ObjectStore
from storage.tickets.progress import Progress
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.conftest import MODEL, Visitor
from web.tickets import estimate

S = State
PREPARED = (S.APPROVED, S.PREPARING, S.QUEUED)
RUNS = (*PREPARED, S.UNLEARNING)
Submit = Callable[..., Ticket]
Visit = Callable[..., Visitor]


def run(record: Record, ticket: Ticket, steps: int) -> None:
    """Shows the course of a run of ten steps up to one of them."""
    for step in range(1, steps + 1):
        figures = {"keep": step / 10, "validation TMR": 1 / step}
        record.progress.show(ticket.id, Progress("unlearning", step / 10, f"step {step}", figures))


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
        "charts": [],  # one point is no line
        "left": None,
        "estimate": "",
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


def test_losses_and_rates_are_drawn_as_lines_at_load_and_afterwards(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket, audrey = submitted(then=RUNS), visit(Role.AUDITOR)
    run(record, ticket, 4)
    charts = audrey.get(f"/tickets/{ticket.id}/progress").json["charts"]
    assert [(chart["name"], chart["first"], chart["last"]) for chart in charts] == [
        ("validation TMR", "1", "0.25"),  # what tells most comes first
        ("keep", "0.1", "0.4"),
    ]
    corners = re.findall(r"[\d.]+ [\d.]+", charts[0]["line"])
    heights = [float(corner.split()[1]) for corner in corners]
    assert len(heights) == 4
    assert heights == sorted(heights)  # an SVG's axis points down: the rate falls
    page = audrey.get(f"/tickets/{ticket.id}").text
    for chart in charts:
        assert f'<path d="{chart["line"]}"/>' in page
        assert f"<strong>{chart['last']}</strong>" in page
    record.tickets.move(ticket.id, S.CERTIFYING, "worker")
    assert audrey.get(f"/tickets/{ticket.id}/progress").json["charts"] == charts


def test_what_has_not_changed_is_not_sent_again(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket, audrey = submitted(then=RUNS), visit(Role.AUDITOR)
    run(record, ticket, 2)
    path = f"/tickets/{ticket.id}/progress"
    tag = audrey.get(path).headers["ETag"]
    again = audrey.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    run(record, ticket, 3)
    assert audrey.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_progress_reads_no_object_of_the_ticket(
    visit: Visit, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, audrey = submitted(then=RUNS), visit(Role.AUDITOR)
    asked: list[str] = []
    get, names = ObjectStore.get, ObjectStore.names

    def noted(store: ObjectStore, name: str, *rest: str) -> object:
        asked.append(name)
        return get(store, name, *rest)

    def listed(store: ObjectStore, prefix: str) -> object:
        asked.append(prefix)
        return names(store, prefix)

    monkeypatch.setattr(ObjectStore, "get", noted)
    monkeypatch.setattr(ObjectStore, "names", listed)
    assert audrey.get(f"/tickets/{ticket.id}/progress").status_code == 200
    assert [name for name in asked if name.startswith(("tickets/", "models/"))] == []


def test_an_end_is_estimated_where_earlier_runs_of_the_model_tell_and_nowhere_else(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket, audrey = submitted(then=PREPARED), visit(Role.AUDITOR)
    path = f"/tickets/{ticket.id}/progress"
    assert audrey.get(path).json["left"] is None
    record.progress.took(MODEL, "unlearning", 200)
    record.tickets.move(ticket.id, S.UNLEARNING, "worker")
    assert audrey.get(path).json["estimate"] == "About 3 minutes left of this stage."
    for stage, seconds in (("certifying", 90), ("publishing", 10)):
        record.progress.took(MODEL, stage, seconds)
    found = audrey.get(path).json
    assert (found["left"], found["estimate"]) == (300, "About 5 minutes left.")
    record.tickets.move(ticket.id, S.QUEUED, "worker")
    words = audrey.get(path).json["estimate"]
    assert words == "About 5 minutes once it begins, going by earlier runs."


def test_between_two_signs_of_the_worker_an_estimate_gets_less_and_then_is_none() -> None:
    shown = Progress("unlearning", 0.5, at=1100.0)  # half of it after 100 seconds
    left = [estimate._left(shown, 1000.0, now, None, []) for now in (1100.0, 1160.0, 1201.0)]
    assert left == [100.0, 40.0, None]
    assert estimate._left(shown, 1000.0, 1100.0, 300.0, []) == 150.0  # with what runs took before


def test_a_worker_that_is_silent_is_said_to_be_and_nothing_is_estimated(
    visit: Visit, submitted: Submit, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, audrey = submitted(then=RUNS), visit(Role.AUDITOR)
    record.progress.took(MODEL, "unlearning", 200)
    run(record, ticket, 2)
    monkeypatch.setattr(estimate, "SILENT_SECONDS", -1)
    found = audrey.get(f"/tickets/{ticket.id}/progress").json
    assert found["left"] is None
    assert "No sign of the worker" in found["estimate"]


def test_nothing_of_the_progress_is_left_when_a_ticket_has_ended(
    visit: Visit, submitted: Submit, record: Record
) -> None:
    ticket = submitted(then=RUNS)
    run(record, ticket, 3)
    assert record.redis.exists(keys.progress_points(ticket.id, "unlearning"))
    assert visit(Role.ADMIN).post(f"/tickets/{ticket.id}/cancel").status_code == 303
    assert list(record.redis.scan_iter("lethe:progress:*")) == []
