"""`lethe tokens issue | list | revoke`, as somebody at a terminal sees it."""

from __future__ import annotations

import pytest

from storage.accounts.api_tokens import Scope
from storage.accounts.users import Role
from storage.record import Record
from tests.cli.command import lethe


@pytest.fixture(autouse=True)
def ada(record: Record, monkeypatch: pytest.MonkeyPatch) -> Record:
    """A requester. Which stack it talks to is another test's matter."""
    monkeypatch.setattr("lethe.commands.tokens.connect", lambda: record)
    record.users.add("ada", Role.REQUESTER, None)
    return record


def test_a_token_that_is_issued_works_until_it_is_revoked(ada: Record) -> None:
    scopes = ("--scope", "read", "--scope", "tickets:submit")
    issued = lethe("tokens", "issue", "ada", "--name", "kiosk", *scopes, "--days", "7")
    assert issued.status == 0
    token = ada.api_tokens.find(issued.out.rstrip("\n"))  # the secret alone, for a pipe
    assert token is not None
    assert token.scopes == {Scope.READ, Scope.SUBMIT}
    listed = lethe("tokens", "list", "ada").out
    for shown in (token.id, "kiosk", "read, tickets:submit", token.expires_at[:10]):
        assert shown in listed
    assert issued.out.strip() not in listed
    assert lethe("tokens", "revoke", "ada", token.id).out == f"revoked {token.id} (kiosk) of ada\n"
    assert ada.api_tokens.find(issued.out.rstrip("\n")) is None
    assert "no API tokens" in lethe("tokens", "list", "ada").out


def test_what_cannot_be_is_refused_in_one_line() -> None:
    issue = ("tokens", "issue", "ada", "--name", "kiosk", "--scope")
    assert "has no use for users:write" in lethe(*issue, "users:write").refusal()
    nobody = lethe("tokens", "issue", "nobody", "--name", "x", "--scope", "read")
    assert "there is no such account" in nobody.refusal()
    assert "none of this id" in lethe("tokens", "revoke", "ada", "0" * 12).refusal()
    assert "an id is 12 letters" in lethe("tokens", "revoke", "ada", "../x").refusal()
    assert "there is none" in lethe("tokens", "list", "nobody").refusal()
    assert lethe(*issue, "everything").status == 2
    assert lethe(*issue, "read", "--days", "367").status == 2
