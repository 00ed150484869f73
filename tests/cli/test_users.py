"""`lethe users`, as somebody at a terminal sees it."""

from __future__ import annotations

import pytest

from storage.accounts.users import Role
from storage.record import Record
from tests.cli.command import lethe

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def house(record: Record, monkeypatch: pytest.MonkeyPatch) -> Record:
    """Which stack it talks to is another test's matter."""
    monkeypatch.setattr("lethe.commands.users.connect", lambda: record)
    monkeypatch.setenv("LETHE_NEW_PASSWORD", PASSWORD)
    return record


def test_accounts_are_added_listed_changed_and_taken_back(house: Record) -> None:
    assert "lethe users add NAME --role admin" in lethe("users", "list").out
    added = lethe("users", "add", "ada", "--role", "admin")
    assert added.out == "ada can sign in as admin\n"
    assert lethe("users", "add", "bob", "--role", "requester").status == 0
    assert lethe("users", "role", "bob", "approver").out == "bob is approver now\n"
    assert lethe("users", "disable", "bob").status == 0
    listed = lethe("users", "list").out
    assert "disabled" in listed
    assert house.users.find("bob").enabled is False
    assert lethe("users", "enable", "bob").out == "bob can sign in as approver\n"
    assert house.users.find("bob").role is Role.APPROVER


def test_a_link_leads_into_the_account_and_is_for_a_new_password(house: Record) -> None:
    lethe("users", "add", "ada", "--role", "admin")
    line = lethe("users", "link", "ada", "--url", "https://lethe.example.org/").out.rstrip("\n")
    head, _, token = line.rpartition("/")
    assert head == "https://lethe.example.org/sign-in/link"
    link = house.sign_in_links.look(token)
    assert link is not None
    assert (link.user, link.sets_password) == ("ada", True)


def test_sessions_are_ended_from_the_terminal(house: Record) -> None:
    lethe("users", "add", "ada", "--role", "admin")
    token = house.sessions.start("ada", "192.0.2.7", "", "password")
    assert lethe("users", "end-sessions", "ada").out == "ada: 1 session ended\n"
    assert house.sessions.find(token) is None


def test_what_cannot_be_is_refused_in_one_line() -> None:
    lethe("users", "add", "ada", "--role", "admin")
    assert "is the last admin" in lethe("users", "disable", "ada").refusal()
    assert "is the last admin" in lethe("users", "role", "ada", "auditor").refusal()
    assert "exists already" in lethe("users", "add", "ada", "--role", "admin").refusal()
    assert "has no second factor" in lethe("users", "reset-second-factor", "ada").refusal()
    for command in ("disable", "enable", "link", "end-sessions", "reset-second-factor"):
        assert "'nobody': there is none" in lethe("users", command, "nobody").refusal()
