"""`lethe tickets --server`: the same commands, by the API of a server elsewhere."""

from __future__ import annotations

import logging
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import structlog
from werkzeug.serving import make_server

from storage.accounts.api_tokens import SCOPES
from storage.accounts.users import Role
from storage.models.registry import Version
from storage.record import Record
from storage.settings import Settings
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.cli.command import Ended, lethe
from tests.web.conftest import MODEL, PASSWORD, jpeg, model, submitted
from web.app import create_app

__all__ = ["model", "submitted"]  # fixtures

Tickets = Callable[..., Ended]


@pytest.fixture
def server(record: Record, settings: Settings) -> Iterator[str]:
    assert record.settings is settings
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)  # it logs where commands print
    structlog.configure(wrapper_class=quiet)
    listener = make_server("127.0.0.1", 0, create_app(settings), threaded=True)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.server_port}"
    listener.shutdown()
    thread.join()
    structlog.reset_defaults()


@pytest.fixture
def tickets(
    server: str, record: Record, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[Role], Tickets]:
    """`lethe tickets` of somebody with a role there; there is no installation here."""
    monkeypatch.setenv("LETHE_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("LETHE_SERVER", server)
    monkeypatch.delenv("LETHE_S3_ENDPOINT", raising=False)

    def of(role: Role) -> Tickets:
        if record.users.get(role) is None:
            record.users.add(role, role, PASSWORD)
        _, secret = record.api_tokens.issue(role, "cli", SCOPES[role], 1, role)

        def run(*given: str | Path) -> Ended:
            monkeypatch.setenv("LETHE_TOKEN", secret)
            return lethe("tickets", *given)

        return run

    return of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in range(3):
        (photos / f"{seed}.jpg").write_bytes(jpeg(seed))
    return photos


def _submit(run: Tickets, source: Path) -> Ended:
    return run("submit", "--model", MODEL, "--subject", "DSR-1", "--photos", source)


@pytest.mark.usefixtures("model")
def test_a_ticket_goes_its_way_with_the_words_that_it_has_here(
    tickets: Callable[[Role], Tickets], folder: Path, record: Record
) -> None:
    rita, ada = tickets(Role.REQUESTER), tickets(Role.APPROVER)
    said = _submit(rita, folder)
    found = re.match(r"(t[0-9a-z]{12}) is accepted and kept; approve it with", said.out)
    assert found, said
    ticket = found.group(1)
    assert record.tickets.get(ticket).submitted_by == "requester"
    assert ada("approve", ticket).out == f"{ticket} is approved\n"
    assert ada("cancel", ticket, "--reason", "by mistake").out == f"{ticket} is cancelled\n"
    shown = rita("show", ticket, "--follow")
    assert f"{ticket}: cancelled, subject DSR-1, model {MODEL}" in shown.out
    assert "approver  by mistake" in shown.out
    assert ada("archive", ticket).status == 0
    assert ticket in rita("list", "--archived").out
    assert rita("list").out == "no tickets\n"
    assert ada("restore", ticket).out == f"{ticket} is in the lists again\n"


@pytest.mark.usefixtures("model")
def test_an_archive_is_sent_as_it_is(
    tickets: Callable[[Role], Tickets], folder: Path, tmp_path: Path, record: Record
) -> None:
    archive = shutil.make_archive(str(tmp_path / "photos"), "zip", folder)
    said = _submit(tickets(Role.REQUESTER), Path(archive))
    assert record.tickets.get(said.out.split()[0]).photos == 3


def test_a_list_goes_on_over_the_pages_of_the_server(
    tickets: Callable[[Role], Tickets],
    submitted: Callable[..., Ticket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lethe.remote.PAGE", 2)
    made = [submitted().id for _ in range(5)]
    run = tickets(Role.AUDITOR)
    listed = re.findall(r"t[0-9a-z]{12}", run("list", "--limit", "4").out)
    assert listed[:4] == listed[:3] + [listed[4]]  # and the last one again, to go on from
    rest = re.findall(r"t[0-9a-z]{12}", run("list", "--after", listed[3]).out)
    assert sorted(listed[:4] + rest) == sorted(made)


def test_what_the_server_refuses_is_one_line_and_bad_input(
    tickets: Callable[[Role], Tickets], submitted: Callable[..., Ticket], folder: Path
) -> None:
    approver = tickets(Role.APPROVER)
    ticket = submitted().id
    assert approver("retry", ticket).refusal().startswith(f"ticket {ticket} is submitted and")
    far = (datetime.now(UTC).date() + timedelta(days=200)).isoformat()
    refused = approver("extend", ticket, "--deadline", far, "--reason", "x").refusal()
    assert "three months after its submission" in refused
    (folder / "note.jpg").write_bytes(b"no picture")
    (folder / "other.jpg").write_bytes(b"none either")
    line = _submit(approver, folder).refusal()
    assert "note.jpg: not a picture" in line
    assert "other.jpg: not a picture" in line
    assert "none of this id" in approver("show", "t000000000000").refusal()
    assert "a ticket is" in approver("show", "../users").refusal()


def test_what_the_token_may_not_is_no_bad_input(
    tickets: Callable[[Role], Tickets],
    submitted: Callable[..., Ticket],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    requester, ticket = tickets(Role.REQUESTER), submitted().id
    ended = requester("approve", ticket)
    assert (ended.status, ended.err.count("\n")) == (1, 1)
    assert "role requester" in ended.err
    monkeypatch.setenv("LETHE_TOKEN", "")
    assert "no API token" in lethe("tickets", "list").refusal()
    file = tmp_path / "token"
    file.write_text("lethe_none\n")
    ended = lethe("tickets", "list", "--token-file", file)
    assert ended.status == 1
    assert "unknown, expired or revoked" in ended.err


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("http://lethe.example.org", "use https"),
        ("lethe.example.org", "give its address"),
        ("https://user:password@lethe.example.org", "give its address"),
        ("file:///etc/passwd", "give its address"),
    ],
)
def test_a_token_is_sent_to_no_address_that_is_none_or_not_safe(server: str, said: str) -> None:
    assert said in lethe("tickets", "list", "--server", server, "--token", "x").refusal()


def test_a_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    ended = lethe("tickets", "list", "--server", "http://127.0.0.1:9", "--token", "x")
    assert ended.status == 1
    assert ended.err.startswith("lethe: http://127.0.0.1:9/api/v1: does not answer")


def test_a_submission_whose_answer_was_lost_is_one_ticket(
    tickets: Callable[[Role], Tickets],
    folder: Path,
    record: Record,
    model: Version,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert model.number == 1
    send, lost = requests.Session.request, []

    def lose(self: requests.Session, *given: object, **options: object) -> requests.Response:
        answer = send(self, *given, **options)  # type: ignore[arg-type]
        if not lost:
            lost.append(answer.status_code)
            raise requests.ConnectionError("gone")
        return answer

    monkeypatch.setattr(requests.Session, "request", lose)
    ended = _submit(tickets(Role.REQUESTER), folder)
    assert (ended.status, lost) == (0, [201])
    (ticket,) = [name for name in record.objects.folders("tickets/") if name]
    assert ended.out.startswith(ticket)
    assert record.tickets.get(ticket).state is State.SUBMITTED
