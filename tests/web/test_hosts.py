"""Host and X-Forwarded headers: what a stranger may write into them, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from flask import Flask, request
from werkzeug.test import Client, TestResponse

from storage.accounts.users import Role
from storage.record import Record
from storage.settings import Settings
from tests.faults.web_process import serving
from tests.web.conftest import Visitor
from web.accounts.sign_in import make_sign_in_link_token
from web.app import create_app

EVIL = "evil.example"
NEAR = {"REMOTE_ADDR": "127.0.0.1"}
OURS = {"public_url": "https://lethe.example.org", "hosts": ("desk.internal", ".corp.example")}


@pytest.fixture
def serve(record: Record, settings: Settings) -> Callable[..., Flask]:  # noqa: ARG001
    return lambda **changed: create_app(settings.model_copy(update=changed))


def get(app: Flask, host: str, path: str = "/sign-in", **headers: str) -> TestResponse:
    return Client(app).get(path, headers={"Host": host, **headers}, environ_base=NEAR)


def test_a_server_answers_to_its_own_names_alone(serve: Callable[..., Flask]) -> None:
    app = serve(**OURS)
    for host in (
        "lethe.example.org", "LETHE.example.org:8443", "desk.internal", "a.corp.example",
        "corp.example", "localhost:8000", "127.0.0.1:8000",
    ):  # fmt: skip
        assert get(app, host).status_code == 200, host
    for host in (
        EVIL, f"lethe.example.org.{EVIL}", "evil-lethe.example.org", "notcorp.example",
        "127.0.0.2", "lethe.example.org:x", f"lethe.example.org:1@{EVIL}", "", "a b",
        "lethe.example.org/",
    ):  # fmt: skip
        answer = get(app, host)
        assert answer.status_code == 400, host
        assert "does not go by the name" in answer.text
        assert EVIL not in answer.text


def test_a_wrong_name_is_refused_before_anything_is_done(
    serve: Callable[..., Flask], record: Record
) -> None:
    record.users.add("ada", Role.ADMIN, "correct horse battery")
    link = f"/sign-in/link/{make_sign_in_link_token(record.redis, 'ada')}"
    app = serve(**OURS)
    assert get(app, EVIL, link).status_code == 400
    refused = get(app, EVIL, "/api/v1/tickets")
    assert (refused.status_code, refused.content_type) == (400, "application/problem+json")
    assert "ada" in get(app, "desk.internal", link).text


def test_health_and_metrics_answer_under_a_pods_address(serve: Callable[..., Flask]) -> None:
    app = serve(**OURS)
    for path in ("/healthz", "/readyz", "/metrics"):
        answer = get(app, "10.1.2.3:8000", path)
        assert answer.status_code == 200, path
        assert "10.1.2.3" not in answer.text


def test_no_answer_holds_a_url_made_of_the_host_header(
    app: Flask, visit: Callable[[Role], Visitor]
) -> None:
    visitor = visit(Role.ADMIN)
    for path in _paths(app):
        answer = visitor.get(path, headers={"Host": EVIL})
        assert EVIL not in answer.headers.get("Location", ""), path
        assert EVIL not in answer.text, path


def test_a_redirect_of_the_router_leads_to_a_path(app: Flask) -> None:
    for path, leads in {
        "/a//../sign-in//x": None,
        "/sign-in//link/x?a=b": "/sign-in/link/x?a=b",
    }.items():
        answer = get(app, EVIL, path)
        assert answer.headers.get("Location") == leads
        assert EVIL not in answer.text


def _paths(app: Flask) -> Iterator[str]:
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or set()) and not rule.arguments:
            yield from (rule.rule, f"/{rule.rule}", f"{rule.rule}/", f"{rule.rule}//?a=b")


def test_forwarded_headers_are_not_believed_where_no_proxy_is_named(
    serve: Callable[..., Flask],
) -> None:
    with _seen(serve(**OURS)) as seen:
        assert _forwarded(seen[0]).status_code == 200
    assert seen[1:] == ["127.0.0.1 http lethe.example.org"]


def test_of_forwarded_headers_the_last_proxys_word_counts_alone(
    serve: Callable[..., Flask],
) -> None:
    with _seen(serve(**OURS, trusted_proxies=1)) as seen:
        assert _forwarded(seen[0]).status_code == 200
    assert seen[1:] == ["192.0.2.7 https desk.internal"]


def test_a_forwarded_host_is_checked_as_well(serve: Callable[..., Flask]) -> None:
    app = serve(**OURS, trusted_proxies=1)
    forged = {"X-Forwarded-Host": EVIL}
    assert get(app, "lethe.example.org", **forged).status_code == 400
    assert get(serve(**OURS), "lethe.example.org", **forged).status_code == 200


def test_gunicorn_itself_believes_no_header_of_a_peer(
    record: Record,  # noqa: ARG001 - makes the bucket
    settings: Settings,
    tmp_path: Path,
) -> None:
    """By default it lets any peer on this machine say below which path the pages lie."""
    with serving(settings, tmp_path) as web:
        answer = requests.get(
            f"http://127.0.0.1:{web.port}/evil/tickets",
            headers={"SCRIPT_NAME": "/evil"},
            allow_redirects=False,
            timeout=10,
        )
    assert (answer.status_code, answer.headers.get("Location")) == (404, None)


def _forwarded(app: object) -> TestResponse:
    assert isinstance(app, Flask)
    return get(
        app,
        "lethe.example.org",
        **{
            "X-Forwarded-For": f"{EVIL}, 192.0.2.7",  # the first is what the client claims
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "desk.internal",
        },
    )


@contextmanager
def _seen(app: Flask) -> Iterator[list[object]]:
    """The app, and then what its views see of each request."""
    seen: list[object] = [app]
    app.before_request(
        lambda: seen.append(f"{request.remote_addr} {request.scheme} {request.host}")
    )
    yield seen
