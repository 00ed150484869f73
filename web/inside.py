"""Where a form or a sign-in leads to: never to another site."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import url_for


def inside(target: str) -> str:
    """``target`` where it is a path of ours, else the desk."""
    plain = target.isprintable() and "\\" not in target
    ours = target.startswith("/") and not target.startswith("//")
    if not (plain and ours):
        return url_for("home.show")
    parts = urlsplit(target)
    return url_for("home.show") if parts.scheme or parts.netloc else target
