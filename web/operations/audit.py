"""Audit: who did what, by pages and as a file; and the whole record walked when asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import structlog
from flask import Blueprint, Response, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _

from storage import names
from storage.audit.log import Act, BrokenEntry, Entry, Filter
from storage.errors import BadInput
from storage.ledger import Audit
from storage.names import BadName
from web import csv_lines
from web.accounts.signed_in import me
from web.operations.act_words import ACTS, OF_MODELS, act_words
from web.services import record

SHOWN = 50  # entries on a page; each is one reading of the store
ACTORS = 100  # names that a list offers; with more of them the name is typed
EXPORTED = 20_000  # entries in one file: the newest that fit
_COLUMNS = ("number", "at", "actor", "act", "about", "facts", "previous", "digest")

pages = Blueprint("audit", __name__)
log = structlog.get_logger("web.audit")


@pages.get("/audit")
def index() -> str:
    return _page(None)


@pages.post("/audit")
def run() -> str:
    """Shown as it comes: the log keeps how many links were broken, this page says which."""
    found = record().ledger.verify_for(me().name)
    log.info("ledger_verified", user=me().name, broken=len(found.broken))
    return _page(found)


@pages.get("/audit.csv")
def export() -> Response:
    wanted = _wanted()
    facts = {name: str(value) for name, value in _arguments(wanted).items() if value}
    record().audit.write(me().name, Act.AUDIT_EXPORTED, "audit log", facts)
    lines = csv_lines.of(_COLUMNS, _rows(wanted))
    response = Response(stream_with_context(lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
    return response


def _page(audit: Audit | None) -> str:
    wanted, before = _wanted(), _before()
    found = record().audit.page(wanted, before, SHOWN + 1)
    actors = record().audit.index.actors(ACTORS + 1)
    return render_template(
        "audit.html",
        audit=audit,
        verified=record().audit.newest(Act.LEDGER_VERIFIED),
        lines=found[:SHOWN],
        more=len(found) > SHOWN,
        before=before,
        wanted=wanted,
        arguments=_arguments(wanted),
        actors=actors if len(actors) <= ACTORS else None,
        acts=ACTS,
        act_words=act_words,
        actor_words=_actor,
        about_link=_about_link,
        begins=record().audit.index.begins(),
        exported=EXPORTED,
    )


def _wanted() -> Filter:
    """
    Raises:
        BadInput: the day is none.
    """
    actor, act, day = (request.args.get(name, "").strip() for name in ("actor", "act", "day"))
    try:
        found = date.fromisoformat(day) if day else None
    except ValueError:
        raise BadInput(_("the day is not a date; write it as 2026-11-23")) from None
    return Filter(actor[:64] or None, act[:64] or None, found)


def _before() -> int | None:
    text = request.args.get("before", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _arguments(wanted: Filter) -> dict[str, str | None]:
    """As they stand in an address."""
    return {
        "actor": wanted.actor,
        "act": wanted.act,
        "day": wanted.day.isoformat() if wanted.day else None,
    }


def _actor(entry: Entry) -> str:
    return entry.actor or str(_("nobody signed in"))


def _about_link(entry: Entry) -> str | None:
    if entry.act not in OF_MODELS:
        return None
    try:
        return url_for("models.show", name=names.model_name(entry.about))
    except BadName:
        return None


def _rows(wanted: Filter) -> Iterator[list[object]]:
    """Read as they are sent."""
    before, left = None, EXPORTED
    while left and (found := record().audit.page(wanted, before, min(SHOWN, left))):
        yield from map(_cells, found)
        before, left = found[-1].number, left - len(found)


def _cells(line: Entry | BrokenEntry) -> list[object]:
    if isinstance(line, BrokenEntry):
        return [line.number, "", "", "", line, "", "", ""]
    facts = "; ".join(f"{name}={value}" for name, value in line.facts.items())
    told = (line.at, line.actor, line.act, line.about)
    return [line.number, *told, facts, line.previous or "", line.digest]
