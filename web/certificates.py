"""Certificates: verified in the page, and the files to verify them elsewhere."""

from __future__ import annotations

import io
from dataclasses import dataclass

from flask import Blueprint, Response, abort, render_template, send_file
from flask_babel import lazy_gettext as _

from storage import object_names
from storage.certificates.checks import Check, Examination, Outcome, examine
from storage.certificates.issued import NoSuchCertificate
from storage.certificates.signing import BadCertificate, claimed_key
from storage.store.objects import ObjectMissing
from web.headers import REPORT_CSP
from web.services import record
from web.tickets.drawings import DRAWING_CSP, drawings

pages = Blueprint("certificates", __name__)

# What each check says where it holds, and where it does not.
LINES = {
    Check.FORM: (
        _("Every field is there and of its kind, and no other."),
        _("Its form is not that of a certificate."),
    ),
    Check.SIGNATURE: (
        _("Canonical JSON (RFC 8785), signed with a key of this record (Ed25519, RFC 8032)."),
        _("The signature does not hold."),
    ),
    Check.VERDICT: (
        _("The verdict follows from the figures and the rules in it."),
        _("The verdict does not follow from its own figures."),
    ),
    Check.CHAIN: (
        _("The certificate of this model before it is there and verifies, or it is the first."),
        _("The chain of this model's certificates is broken before it."),
    ),
    Check.RECORD: (
        _("It is about this ticket and about the version that the record has."),
        _("It is not what the record says of this ticket."),
    ),
}
TITLES = {
    Check.FORM: _("Form"),
    Check.SIGNATURE: _("Signature"),
    Check.VERDICT: _("Verdict"),
    Check.CHAIN: _("Chain"),
    Check.RECORD: _("Record"),
}


@dataclass(frozen=True)
class Line:
    """A check in words."""

    title: str
    mark: str  # holds, broken, unknown
    words: str
    why: str

    @classmethod
    def of(cls, outcome: Outcome) -> Line:
        title = str(TITLES[outcome.check])
        if outcome.holds is None:
            return cls(title, "unknown", str(_("Cannot be told of a file like this.")), "")
        good, bad = LINES[outcome.check]
        mark, words = ("holds", good) if outcome.holds else ("broken", bad)
        return cls(title, mark, str(words), outcome.why)


@pages.get("/tickets/<ticket>/certificate")
def show(ticket: str) -> str:
    return _page("certificate.html", examine(record(), ticket))


@pages.get("/tickets/<ticket>/certificate/checks")
def checks(ticket: str) -> str:
    """The part of the page that the ticket's own page shows."""
    return _page("certificate_checks.html", examine(record(), ticket))


def _page(template: str, found: Examination) -> str:
    return render_template(
        template,
        ticket=found.ticket,
        found=found,
        lines=[Line.of(outcome) for outcome in found.outcomes],
    )


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


@pages.get("/tickets/<ticket>/drawings/<name>.svg")
def drawing(ticket: str, name: str) -> Response:
    """One drawing of the report, as an image."""
    found = drawings(record().certificates.report(ticket).decode(errors="replace")).get(name)
    if found is None:
        abort(404)
    response = Response(found.svg, mimetype="image/svg+xml")
    response.headers["Content-Security-Policy"] = DRAWING_CSP
    return response


@pages.get("/tickets/<ticket>/public-key.pub")
def key(ticket: str) -> Response:
    """The key that the ticket's certificate names, in PEM: whether it holds is seen with it.

    Raises:
        NoSuchCertificate: there is none, or it names no key of this record.
    """
    data, name = record().certificates.certificate(ticket), object_names.certificate(ticket)
    try:
        key_id = claimed_key(data, name)
        pem = record().objects.get(object_names.public_key(key_id))
    except (BadCertificate, ObjectMissing):
        raise NoSuchCertificate(
            f"ticket {ticket}: its certificate names no key of this record; do not rely on it"
        ) from None
    return _download(pem, "application/x-pem-file", f"lethe-{key_id}.pub")


def _download(data: bytes, mimetype: str, name: str) -> Response:
    return send_file(io.BytesIO(data), mimetype, as_attachment=True, download_name=name)
