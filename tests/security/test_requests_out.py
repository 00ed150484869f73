"""Requests that the server itself makes: only to where an operator said, and no further."""

from __future__ import annotations

import ast
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pydantic import ValidationError

from storage.accounts.roles import Role
from storage.settings import Settings
from tests.security.conftest import House, anything, form_token
from tests.security.walk import addresses
from tests.web.api.conftest import Caller
from tests.web.conftest import Visitor

WEB = Path(__file__).parents[2] / "web"
SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
NOT_OURS = (
    "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL", "ftp://example.org/", "//example.org", "https://",
    "https://user:word@example.org/", "http://127.0.0.1.evil.example/", "http://localhost.evil/",
    "http://2130706433/", "http://0x7f.1/", "https://example.org:0/", "javascript:alert(1)",
)  # fmt: skip


def configured(settings: Settings, **more: object) -> Settings:
    return Settings(**settings.model_dump() | more)


@pytest.mark.parametrize("url", NOT_OURS)
def test_an_address_that_is_no_receiver_s_and_no_provider_s_is_refused_at_the_start(
    settings: Settings, url: str
) -> None:
    with pytest.raises(ValidationError):
        configured(settings, webhook_url=url, webhook_secret=SECRET)
    provider = {"oidc_client_id": "x", "oidc_client_secret": "x", "oidc_roles": {"a": "admin"}}
    with pytest.raises(ValidationError):
        configured(settings, public_url="https://l.example", oidc_issuer=url, **provider)


def test_nothing_that_is_sent_makes_the_server_ask_anybody(
    app: Flask,
    visit: Callable[..., Visitor],
    call: Callable[..., Caller],
    house: House,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An address in every field and parameter: none is looked up, none is connected to."""
    admin, secret = visit(Role.ADMIN), call(Role.ADMIN).secret
    url, asked = "http://ssrf.example:8/", list[object]()
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def watch(host: Any, *rest: Any, **more: Any) -> Any:
        asked.append(host)
        return look_up(host, *rest, **more)

    def watched(self: socket.socket, address: Any) -> Any:
        asked.append(address[0])
        return connect(self, address)

    token = form_token(admin)
    monkeypatch.setattr(socket, "getaddrinfo", watch)
    monkeypatch.setattr(socket.socket, "connect", watched)
    fields = dict.fromkeys((*anything(), "path", "reference", "file", "typed", "q"), url)
    for address in addresses(app):
        path = address.path(house.of(address.endpoint))
        api = address.endpoint.startswith("api.")
        answer = admin.client.open(
            path,
            method=address.method,
            query_string={"url": url, "next": url, "kind": url, "folder": url} if not api else {},
            data=None if api or address.method == "GET" else fields | {"csrf_token": token},
            json=fields if api and address.method != "GET" else None,
            headers={"Authorization": f"Bearer {secret}"} if api else {"Referer": url},
            buffered=True,
        )
        assert answer.status_code < 500, address
    assert {str(host) for host in asked} <= {"127.0.0.1"}


def test_only_the_openid_provider_s_file_can_ask_over_http() -> None:
    """Pages that cannot ask need not be watched; what is new here is looked at."""
    clients = {"requests", "urllib3", "httpx", "aiohttp", "socket"}
    found = set()
    for file in WEB.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            if any(name.partition(".")[0] in clients for name in names):
                found.add(file.name)
    # The sockets of the other two are gunicorn's own: the pace of a body, and the listener.
    assert found == {"oidc_provider.py", "pace.py", "listener.py"}
