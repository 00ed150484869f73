"""`lethe tickets`: each thing that people do with a ticket, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import storage.settings
from storage import names
from storage.record import Record
from storage.settings import Settings
from storage.tickets.events import Notice
from storage.tickets.request import LegalGround, Request, months_after
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.cli.command import Ended, lethe
from tests.storage.pictures import photos

MODEL = "door-cameras"


@pytest.fixture
def tickets(
    record: Record, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Ended]:
    """`lethe tickets`, beside the servers of this test."""
    for name in ("redis_url", "s3_endpoint", "s3_access_key", "s3_bucket"):
        monkeypatch.setenv(f"LETHE_{name.upper()}", getattr(settings, name))
    monkeypatch.setenv("LETHE_S3_SECRET_KEY", settings.s3_secret_key.get_secret_value())
    monkeypatch.setenv("LETHE_DATA", str(tmp_path / "none"))
    storage.settings.settings.cache_clear()
    assert record.settings is settings
    return lambda *given: lethe("tickets", *given)


@pytest.fixture
def submit(record: Record) -> Callable[..., Ticket]:
    def write(*states: State, days: int = 20) -> Ticket:
        due = datetime.now(UTC).date() + timedelta(days=days)
        request = Request(MODEL, "DSR-1", LegalGround.OBJECTION, due, 3)
        ticket = record.tickets.submit(names.new_ticket_id(), request, "ada", {})
        for state in states:
            record.tickets.move(ticket.id, state, "worker")
        return ticket

    return write


def test_every_step_is_said_in_one_line(
    tickets: Callable[..., Ended], submit: Callable[..., Ticket]
) -> None:
    approved, denied, cancelled = submit().id, submit().id, submit().id
    assert tickets("approve", approved).out == f"{approved} is approved\n"
    assert tickets("deny", denied, "--reason", "no right").out == f"{denied} is denied\n"
    assert tickets("cancel", cancelled).out == f"{cancelled} is cancelled\n"
    assert tickets("retry", approved).refusal().startswith(f"ticket {approved} is approved and")


def test_a_deadline_is_extended_within_the_law_and_shown_with_its_reason(
    tickets: Callable[..., Ended], submit: Callable[..., Ticket], record: Record
) -> None:
    ticket = submit().id
    last = months_after(datetime.now(UTC).date(), 3)
    ended = tickets("extend", ticket, "--deadline", str(last), "--reason", "many requests")
    assert ended.out.startswith(f"{ticket} is due {last}, ")
    shown = tickets("show", ticket).out
    assert f"due {last}" in shown
    assert "many requests" in shown
    beyond = str(last + timedelta(days=1))
    refused = tickets("extend", ticket, "--deadline", beyond, "--reason", "why")
    assert "three months after its submission" in refused.refusal()
    assert record.tickets.get(ticket).deadline == str(last)


def test_an_ended_ticket_leaves_the_list_and_comes_back(
    tickets: Callable[..., Ended], submit: Callable[..., Ticket]
) -> None:
    open_, ended = submit().id, submit(State.DENIED).id
    assert tickets("archive", open_).refusal().endswith("only ended ones are archived")
    assert tickets("archive", ended, "--reason", "old").status == 0
    assert open_ in (shown := tickets("list").out)
    assert ended not in shown
    assert ended in (shown := tickets("list", "--archived").out)
    assert open_ not in shown
    assert tickets("restore", ended).out == f"{ended} is in the lists again\n"
    assert ended in tickets("list").out


def test_a_long_list_says_how_to_see_its_next_page(
    tickets: Callable[..., Ended], submit: Callable[..., Ticket]
) -> None:
    ids = [submit().id for _ in range(5)]
    first = tickets("list", "--limit", "3").out
    assert [ticket in first for ticket in ids] == [False, False, True, True, True]
    assert first.endswith(f"the next ones: --after {ids[2]}\n")
    second = tickets("list", "--limit", "3", "--after", ids[2]).out
    assert [ticket in second for ticket in ids] == [True, True, False, False, False]
    assert "the next ones" not in second


def test_more_photos_are_given_to_a_ticket_that_needs_them(
    tickets: Callable[..., Ended], submit: Callable[..., Ticket], record: Record, tmp_path: Path
) -> None:
    ticket = submit().id
    few, many = photos(3), photos(5)
    manifest = record.photos.keep(ticket, few)
    for state in (State.APPROVED, State.PREPARING, State.NEEDS_PHOTOS):
        record.tickets.move(ticket, state, "worker", data={"manifest": manifest})
    for photo in many:
        (tmp_path / photo.name).write_bytes(photo.data)
    ended = tickets("add-photos", ticket, "--photos", tmp_path)
    assert ended.out == f"{ticket} is approved, with 5 photos\n"
    assert "needs no photos" in tickets("add-photos", ticket, "--photos", tmp_path).refusal()


def test_a_notice_is_shown_by_its_words(
    tickets: Callable[..., Ended], submit: Callable[..., Ticket], record: Record
) -> None:
    ticket = submit().id
    record.tickets.note(ticket, Notice.DEADLINE_NEAR, "clock")
    assert "deadline near" in tickets("show", ticket).out
