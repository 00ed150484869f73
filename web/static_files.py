"""Styles, scripts and the icon, each at an address that its content names: browsers keep them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

_YEAR = 365 * 24 * 3600  # seconds
_DIGITS = 12  # hexadecimal, of the SHA-256


def install(app: Flask) -> None:
    folder = Path(app.static_folder or "")
    digests = {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()[:_DIGITS]
        for path in folder.rglob("*")
        if path.is_file()
    }

    def name_content(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and (digest := digests.get(values["filename"])):
            values["v"] = digest

    def keep(response: Response) -> Response:
        # Asked for what another release has, while one replaces the other: that is not it.
        if request.endpoint == "static" and response.status_code in {200, 304}:
            digest = digests.get((request.view_args or {}).get("filename", ""))
            if digest and request.args.get("v") == digest:
                response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
        return response

    app.url_defaults(name_content)
    app.after_request(keep)
