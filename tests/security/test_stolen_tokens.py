"""What a token that was stolen, or leaked, is good for: what its scope names, and no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from storage.accounts.api_tokens import Scope
from storage.accounts.users import Role
from storage.record import Record
from storage.tickets.ticket import Ticket
from tests.security.walk import Address, addresses
from tests.web.api.conftest import Caller

READ, SUBMIT, DECIDE = "read", "tickets:submit", "tickets:decide"
MODELS, USERS, AUDIT = "models:write", "users:write", "audit"

# Written out a second time, on purpose: whoever widens a scope does it here, too.
BY_SCOPE = {
    READ: {
        "show_me", "show_system", "list_tickets", "show_ticket", "list_events", "show_progress",
        "download_certificate", "download_report", "download_key", "list_models", "show_model",
        "list_versions", "show_version", "download_version", "download_pack", "list_moves",
        "show_policy", "list_face_sets", "show_face_set", "list_people", "list_tokens",
        "revoke_token",
    },
    SUBMIT: {"submit_ticket", "add_photos", "cancel_ticket"},
    DECIDE: {"approve_ticket", "deny_ticket", "retry_ticket", "extend_ticket", "archive_ticket",
             "restore_ticket"},
    MODELS: {"import_model", "show_import", "delete_version", "promote_version", "roll_back",
             "settle_policy"},
    USERS: {"list_users", "add_user", "show_user", "change_user", "make_link"},
    AUDIT: {"verify_ledger", "list_audit_log"},
}  # fmt: skip


def operations(app: Flask) -> dict[str, Address]:
    found = {each.endpoint: each for each in addresses(app) if each.endpoint.startswith("api.")}
    found.pop("api.openapi")
    return {endpoint.removeprefix("api."): each for endpoint, each in found.items()}


@pytest.mark.parametrize("scope", [str(scope) for scope in Scope])
def test_an_admin_s_token_does_exactly_what_is_written_here(
    app: Flask, call: Callable[..., Caller], scope: str
) -> None:
    caller = call(Role.ADMIN, scopes=[Scope(scope)])
    open_to_it = set()
    for name, address in operations(app).items():
        answer = caller.open(address.method, address.path().removeprefix("/api/v1"))
        if "insufficient_scope" not in answer.headers.get("WWW-Authenticate", ""):
            open_to_it.add(name)
    assert open_to_it == BY_SCOPE[scope]


def test_a_reading_token_ends_itself_and_no_other_token_of_its_owner(
    call: Callable[..., Caller], record: Record
) -> None:
    """Else whoever finds one puts every other program of its owner out of work."""
    leaked, working = call(Role.ADMIN, scopes=[Scope.READ]), call(Role.ADMIN)
    other = working.get("/me").json["token"]
    refused = leaked.open("DELETE", f"/tokens/{other}")
    assert (refused.status_code, refused.content_type) == (403, "application/problem+json")
    assert working.get("/me").status_code == 200
    assert leaked.open("DELETE", f"/tokens/{leaked.get('/me').json['token']}").status_code == 200
    assert leaked.get("/me").status_code == 401
    assert [token.id for token in record.api_tokens.of("admin")] == [other]


def test_a_token_that_is_none_of_its_owner_s_is_told_apart_from_none_by_nothing(
    call: Callable[..., Caller],
) -> None:
    mine, theirs = call(Role.ADMIN), call(Role.REQUESTER).get("/me").json["token"]
    answers = [mine.open("DELETE", f"/tokens/{id_}") for id_ in (theirs, 12 * "0")]
    assert [answer.status_code for answer in answers] == [404, 404]
    said = [
        answer.json["detail"].replace(id_, "…")
        for answer, id_ in zip(answers, (theirs, 12 * "0"), strict=True)
    ]
    assert said[0] == said[1]


def test_a_token_loses_with_its_owner_s_role_what_it_was_issued_for(
    call: Callable[..., Caller], record: Record, submitted: Callable[..., Ticket]
) -> None:
    caller, ticket = call(Role.APPROVER, "paul"), submitted("rita")
    record.users.change("paul", lambda user: type(user)("paul", Role.REQUESTER, ""))
    assert caller.post(f"/tickets/{ticket.id}/approve", {}).status_code == 403
    assert caller.get("/me").json["role"] == "requester"


def test_no_token_signs_in_anywhere_and_no_token_makes_another(
    app: Flask, call: Callable[..., Caller]
) -> None:
    caller = call(Role.ADMIN)
    client = app.test_client()
    for address in addresses(app):
        if address.endpoint.startswith("api.") or address.method != "GET":
            continue
        answer = client.get(
            address.path(), headers={"Authorization": f"Bearer {caller.secret}"}, buffered=True
        )
        assert "admin" not in answer.headers.get("Set-Cookie", "")
        if address.endpoint in {"tokens.index", "account.show", "home.show"}:
            assert answer.headers["Location"].startswith("/sign-in"), address.endpoint
    assert "issue_token" not in operations(app)
