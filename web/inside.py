"""Where a form or a sign-in leads to: never to another site."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request, url_for
from flask.globals import request_ctx
from werkzeug.exceptions import HTTPException


def inside(target: str) -> str:
    """``target`` where it is a path of ours, else the desk."""
    plain = target.isprintable() and "\\" not in target
    ours = target.startswith("/") and not target.startswith("//")
    if not (plain and ours):
        return url_for("home.show")
    parts = urlsplit(target)
    return url_for("home.show") if parts.scheme or parts.netloc else target


def this_page() -> str:
    """The address of the page that is shown; where it answers no GET, of the nearest above it that
    does and is about the same: of the ticket where one of its forms was sent. Else the desk's."""
    if request.method == "GET":
        return inside(request.full_path.rstrip("?"))
    parts = request.path.split("/")
    above = ("/".join(parts[:end]) for end in range(len(parts), 1, -1))
    return inside(next(filter(_opens, above), "/"))


def _opens(path: str) -> bool:
    """Whether a GET answers there, with nothing in the address but what this one names."""
    adapter, here = request_ctx.url_adapter, request.view_args or {}
    if adapter is None:
        return False
    try:
        _endpoint, named = adapter.match(path, method="GET")
    except HTTPException:
        return False
    return named.items() <= here.items()
