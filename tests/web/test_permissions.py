from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.routing import Rule

from storage.accounts.users import Role
from tests.web.conftest import Visitor
from web.permissions import PUBLIC, TABLE

_PARTS = {
    "ticket": "t000000000000",
    "name": "nobody",
    "user": "nobody",
    "number": 1,
    "import_id": "i000000000000",
    "token": "x",
    "session": "x",
    "filename": "x",
    "sha256": "0" * 64,
}


def requests(app: Flask) -> list[tuple[str, str, str]]:
    """Endpoint, method and a path for every rule of the application."""
    adapter = app.url_map.bind("localhost")
    return [
        (rule.endpoint, method, _path(adapter, rule))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def _path(adapter: object, rule: Rule) -> str:
    values = {part: _PARTS[part] for part in rule.arguments}
    return str(adapter.build(rule.endpoint, values))  # type: ignore[attr-defined]


def test_the_table_names_every_endpoint_and_no_other(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(TABLE)


def test_an_endpoint_that_the_table_lacks_is_refused_even_to_an_admin(
    app: Flask, visit: Callable[[Role], Visitor]
) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = visit(Role.ADMIN).get("/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text


def test_whoever_is_not_signed_in_gets_no_further_than_the_public_pages(
    app: Flask, stranger: Visitor
) -> None:
    for endpoint, method, path in requests(app):
        answer = stranger.client.open(path, method=method, buffered=True)
        if TABLE[endpoint] is PUBLIC:
            assert answer.status_code not in {302, 401, 403}, endpoint
        elif endpoint.startswith(("progress.", "draft_photos.", "api.")):
            assert answer.status_code == 401, endpoint
        else:
            assert answer.status_code == 302, endpoint
            assert answer.headers["Location"].startswith("/sign-in"), endpoint


@pytest.mark.parametrize("role", list(Role))
def test_every_role_reaches_exactly_what_the_table_gives_it(
    app: Flask, visit: Callable[[Role], Visitor], role: Role
) -> None:
    visitor = visit(role)
    for endpoint, method, path in requests(app):
        if TABLE[endpoint] is PUBLIC or endpoint == "sign_in.out":
            continue
        if endpoint.startswith("api."):
            continue  # takes no cookies: tests/web/api/test_bearer.py
        # A form without its token: 400, if allowed.
        answer = visitor.client.open(path, method=method, buffered=True)
        assert (answer.status_code == 403) == (role not in TABLE[endpoint]), (endpoint, method)
