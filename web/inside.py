"""Where a form or a sign-in leads to: never to another site."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request, url_for
from flask.globals import request_ctx


def inside(target: str) -> str:
    """``target`` where it is a path of ours, else the desk."""
    plain = target.isprintable() and "\\" not in target
    ours = target.startswith("/") and not target.startswith("//")
    if not (plain and ours):
        return url_for("home.show")
    parts = urlsplit(target)
    return url_for("home.show") if parts.scheme or parts.netloc else target


def this_page() -> str:
    """The address of the page that is shown, which answers a GET; else the desk's."""
    adapter = request_ctx.url_adapter
    if request.method == "GET" or (adapter and adapter.test(request.path, "GET")):
        return inside(request.full_path.rstrip("?") if request.method == "GET" else request.path)
    return url_for("home.show")
