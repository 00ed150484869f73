"""Certificates: verified in the page, and the files to verify them elsewhere."""

from __future__ import annotations

import io
from typing import Any

from flask import Blueprint, Response, render_template, send_file

from storage import keys
from storage.certificates import BadCertificate, BadKey
from web.headers import REPORT_CSP
from web.services import record

pages = Blueprint("certificates", __name__)


@pages.get("/tickets/<ticket>/certificate")
def show(ticket: str) -> str:
    record().certificates.certificate(ticket)  # none at all is a page that is not there
    body: dict[str, Any] | None = None
    wrong = ""
    try:
        body = record().certificates.check(ticket)
    except (BadCertificate, BadKey) as error:
        wrong = str(error)
    return render_template("certificate.html", ticket=ticket, body=body, wrong=wrong)


@pages.get("/tickets/<ticket>/certificate.json")
def file(ticket: str) -> Response:
    return _download(
        record().certificates.certificate(ticket), "application/json", f"certificate-{ticket}.json"
    )


@pages.get("/tickets/<ticket>/report.html")
def report(ticket: str) -> Response:
    response = Response(record().certificates.report(ticket), mimetype="text/html")
    response.headers["Content-Security-Policy"] = REPORT_CSP
    return response


@pages.get("/tickets/<ticket>/public-key.pub")
def key(ticket: str) -> Response:
    """The key that verifies the ticket's certificate, in PEM."""
    key_id = record().certificates.check(ticket)["key_id"]
    data = record().objects.get(keys.public_key(key_id))
    return _download(data, "application/x-pem-file", f"lethe-{key_id}.pub")


def _download(data: bytes, mimetype: str, name: str) -> Response:
    return send_file(io.BytesIO(data), mimetype, as_attachment=True, download_name=name)
