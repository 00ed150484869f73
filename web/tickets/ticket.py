"""One ticket's page: where it stands, what came of it, what happened, what may be done."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import render_template, request

from storage.certificates.issued import NoSuchCertificate
from storage.tickets.deadlines import LONGEST
from storage.tickets.events import Event
from storage.tickets.request import months_after
from storage.tickets.states import ENDED, State
from storage.tickets.ticket import Ticket
from web import uploads, wording
from web.language import language
from web.permissions import may
from web.services import record
from web.tickets import drawings, figures, reason, timeline
from web.tickets import progress as live_progress
from web.tickets.actions import actions
from web.tickets.charts import HEIGHT, WIDTH, charts
from web.tickets.draft_answers import REASONS
from web.tickets.index import pages
from web.tickets.outcome import OUTCOMES
from web.tickets.verdict_words import sentences

NEWEST = 15  # events that are shown at once; the earlier ones are a click away


@pages.get("/tickets/<ticket>")
def show(ticket: str) -> str:
    return page(ticket)


def page(ticket: str, photo_lines: Sequence[str] = ()) -> str:
    """``photo_lines``: why photos that were just given cannot be taken."""
    events = record().history.events(ticket)
    found = Ticket.replay(events)
    allowed = actions(found)
    return render_template(
        "ticket.html",
        ticket=found,
        wording=wording.STATES[found.state],
        outcome=OUTCOMES.get(found.state),
        ended=found.state in ENDED,
        steps=timeline.steps(events),
        entries=timeline.entries(events, None if "all" in request.args else NEWEST),
        happened=len(events),
        selection=None if found.state in ENDED else record().photos.selection(ticket),
        photos_left=record().photos.left(ticket) if found.state in ENDED else None,
        actions=allowed,
        policy=record().models.policy(found.model) if "approve" in allowed else None,
        needs_somebody_else=_needs_somebody_else(found, allowed),
        extension=_extension(found) if "extend" in allowed else None,
        settings=record().settings,
        upload_bytes=uploads.upload_bytes(record().settings),
        reason_length=reason.LONGEST,
        photo_lines=photo_lines,
        refusal=_refusal,
        **_live(found),
        **_verdict(found, events),
    )


def _live(ticket: Ticket) -> dict[str, Any]:
    """What the page's script keeps up to date from then on."""
    if not live_progress.live(ticket.state):
        return {"live": False}
    progress = live_progress.document(ticket)
    return {
        "live": True,
        "progress": progress,
        "charts": charts(progress["points"]),
        "chart_size": (WIDTH, HEIGHT),
    }


def _verdict(ticket: Ticket, events: Sequence[Event]) -> dict[str, Any]:
    report = _report(ticket)
    rules = figures.rules(events) if ticket.result.get("verdict") else []
    return {
        "rows": figures.rows(ticket.result),
        "basis": figures.basis(ticket.result),
        "summary": sentences(ticket.result, rules),
        "rules": rules,
        "certified": report is not None,
        "groups": drawings.groups(report) if report else [],
    }


def _report(ticket: Ticket) -> str | None:
    """The report beside the ticket's certificate, which only a completed one has."""
    if ticket.state is not State.COMPLETED:
        return None
    try:
        return record().certificates.report(ticket.id).decode(errors="replace")
    except NoSuchCertificate:
        return None


def _needs_somebody_else(ticket: Ticket, allowed: Collection[str]) -> bool:
    """Whether four eyes keep whoever is signed in from approving what they submitted."""
    waits = ticket.state is State.SUBMITTED
    return waits and may("tickets.approve") and "approve" not in allowed


def _refusal(photo: str, reason: str, line: str) -> str:
    """Why a photo was refused: the worker's line, which is English, or the words of its reason."""
    if language() == "en" or reason not in REASONS:
        return line.removeprefix(f"{photo}: ")
    return str(REASONS[reason])


def _extension(ticket: Ticket) -> tuple[str, str] | None:
    """The first and the last day that the law leaves for a new deadline."""
    submitted = datetime.fromisoformat(ticket.submitted_at).astimezone(UTC).date()
    first = date.fromisoformat(ticket.deadline) + timedelta(days=1)
    last = months_after(submitted, LONGEST)
    return (first.isoformat(), last.isoformat()) if first <= last else None
