"""Who may call what: the token, its owner's role and its scopes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from storage.accounts.api_tokens import SCOPES as OF_ROLE
from storage.accounts.api_tokens import Scope
from storage.accounts.users import Role
from storage.record import Record
from tests.web.api.conftest import Caller
from tests.web.conftest import Visitor
from web.api.catalogue import OPERATIONS
from web.api.document import PART
from web.api.scopes import SCOPES
from web.permissions import TABLE

PARTS = {
    "ticket": "t000000000000",
    "name": "nobody",
    "number": 1,
    "token": 12 * "0",
    "user": "nobody",
    "import_id": "i000000000000",
}


def paths(app: Flask) -> list[tuple[str, str, str]]:
    """Endpoint, method and a path of each operation."""
    adapter = app.url_map.bind("localhost")
    return [
        (one.endpoint, one.method, adapter.build(one.endpoint, values, method=one.method))
        for one in OPERATIONS
        for values in [{part: PARTS[part] for part in PART.findall(one.rule)}]
    ]


def test_every_operation_has_its_roles_and_its_scope_and_no_other_endpoint_has_one() -> None:
    endpoints = {operation.endpoint for operation in OPERATIONS}
    assert endpoints == set(SCOPES)
    assert endpoints == {name for name in TABLE if name.startswith("api.")} - {"api.openapi"}


def test_whoever_sends_no_token_is_asked_for_one_also_with_a_cookie(
    app: Flask, visit: Callable[[Role], Visitor], stranger: Visitor
) -> None:
    admin = visit(Role.ADMIN)
    for endpoint, method, path in paths(app):
        for visitor in (stranger, admin):
            answer = visitor.client.open(path, method=method)
            assert answer.status_code == 401, endpoint
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="lethe"'
            assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("secret", ["", "x", "lethe_000000000000_" + 64 * "0", "ä", "lethe_../"])
def test_a_token_that_is_none_is_said_to_be_invalid(app: Flask, secret: str) -> None:
    answer = Caller(app.test_client(), "", secret).get("/me")
    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["WWW-Authenticate"] or not secret


@pytest.mark.parametrize("role", list(Role))
def test_every_role_reaches_exactly_what_the_tables_give_it(
    app: Flask, call: Callable[..., Caller], role: Role, record: Record
) -> None:
    caller = call(role)
    for endpoint, method, path in paths(app):
        if endpoint == "api.revoke_token":
            continue
        allowed = role in TABLE[endpoint] and SCOPES[endpoint] in OF_ROLE[role]
        answer = caller.open(method, path.removeprefix("/api/v1"))
        assert (answer.status_code != 403) == allowed, (endpoint, answer.text)
        assert answer.status_code not in {401, 500}, (endpoint, answer.text)
    assert record.api_tokens.of(caller.name)


@pytest.mark.parametrize("scope", list(Scope))
def test_a_token_does_what_its_scope_names_and_nothing_else(
    app: Flask, call: Callable[..., Caller], scope: Scope
) -> None:
    caller = call(Role.ADMIN, scopes=[scope])
    for endpoint, method, path in paths(app):
        if endpoint == "api.revoke_token":
            continue
        answer = caller.open(method, path.removeprefix("/api/v1"))
        assert (answer.status_code == 403) == (SCOPES[endpoint] != scope), endpoint
        if answer.status_code == 403:
            challenge = answer.headers["WWW-Authenticate"]
            assert f'error="insufficient_scope", scope="{SCOPES[endpoint]}"' in challenge


def test_a_revoked_token_is_refused_with_the_next_request(
    call: Callable[..., Caller], record: Record
) -> None:
    caller = call(Role.REQUESTER)
    me = caller.get("/me").json
    assert (me["name"], me["role"], me["scopes"]) == (
        "requester",
        "requester",
        ["read", "tickets:submit"],
    )
    assert caller.open("DELETE", f"/tokens/{me['token']}").json["id"] == me["token"]
    assert caller.get("/me").status_code == 401
    assert record.api_tokens.of("requester") == []


def test_nobody_revokes_the_token_of_somebody_else(call: Callable[..., Caller]) -> None:
    other = call(Role.REQUESTER)
    answer = call(Role.ADMIN).open("DELETE", f"/tokens/{other.get('/me').json['token']}")
    assert answer.status_code == 404
    assert other.get("/me").status_code == 200
