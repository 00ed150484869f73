"""What every line of a request's log is about: the request, its ticket, model and version."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress

from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from storage import names
from storage.settings import Settings
from storage.traces import tracing

HEADER = "X-Request-ID"
FACTS = "lethe.facts"  # in the WSGI environment, where gunicorn's log finds them
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def install(app: Flask, settings: Settings) -> None:
    """Before all that may log or refuse."""

    def begin() -> None:
        clear_contextvars()  # the thread served others before
        g.request_id = _id(trusted=settings.trusted_proxies > 0)
        facts = {"request": g.request_id, **_about()}
        bind_contextvars(**facts)
        tracing.describe({f"lethe.{name}": value for name, value in facts.items()})
        route = {"route": request.url_rule.rule} if request.url_rule else {}
        request.environ[FACTS] = {**route, **facts, **tracing.ids()}

    def name(response: Response) -> Response:
        if "request_id" in g:
            response.headers[HEADER] = g.request_id
        return response

    app.before_request(begin)
    app.after_request(name)


def _id(*, trusted: bool) -> str:
    """The proxy's, where one is trusted; a stranger's word would stand in every line."""
    given = request.headers.get(HEADER, "")
    return given if trusted and _ID.fullmatch(given) else secrets.token_hex(8)


def _about() -> dict[str, str | int]:
    """Of the address, what is a ticket's id, a model's name or a version's number for certain."""
    given = request.view_args or {}
    found: dict[str, str | int] = {}
    with suppress(names.BadName):
        if isinstance(ticket := given.get("ticket"), str):
            found["ticket"] = names.ticket_id(ticket)
    with suppress(names.BadName):
        rule = request.url_rule.rule if request.url_rule else ""
        if "/models/<name>" in rule:
            found["model"] = names.model_name(str(given["name"]))
    if "model" in found and isinstance(number := given.get("number"), int):
        found["version"] = number
    return found
