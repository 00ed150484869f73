"""The form of a new ticket: its page, what came, and what is wrong with it, field by field."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import structlog
from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from storage import names
from storage.errors import BadInput
from storage.faces import face_lines
from storage.faces.enrolled import NotEnrolled
from storage.faces.sets import NoPeople, NoSuchFaceSet
from storage.settings import HOUR
from storage.tickets.desk import MIN_PHOTOS, BadPhotos
from storage.tickets.draft import Draft
from storage.tickets.request import LegalGround, Request, default_deadline
from storage.tickets.ticket import Ticket
from web import uploads, wording
from web.accounts.signed_in import me
from web.services import record, services
from web.tickets.draft_answers import FOR_CERTIFICATE, answers

pages = Blueprint("new_ticket", __name__)
log = structlog.get_logger("web.new_ticket")

LONGEST = timedelta(days=366)  # no deadline that a law sets is further away
FACE_SETS = 100  # to choose from
NOT_ENROLLED = (NotEnrolled, NoSuchFaceSet, NoPeople, names.BadName)


@dataclass(frozen=True)
class NewTicket:
    """A form's fields as they came, so that they can be shown again."""

    model: str
    subject: str
    legal_ground: str
    deadline: str

    @classmethod
    def blank(cls, models: Collection[str], days: int | None) -> NewTicket:
        only = next(iter(models)) if len(models) == 1 else ""
        ground = str(LegalGround.CONSENT_WITHDRAWN)
        return cls(only, "", ground, default_deadline(days).isoformat())

    @classmethod
    def from_form(cls, form: Mapping[str, str]) -> NewTicket:
        return cls(*(form.get(field, "").strip()[:200] for field in cls.__dataclass_fields__))

    def problems(self, models: Collection[str]) -> dict[str, str]:
        """Field → one line that says what is wrong and what to do."""
        found: dict[str, str] = {}
        if self.model not in models:
            found["model"] = _("Choose one of the models.")
        try:
            names.subject_reference(self.subject)
        except BadInput:
            found["subject"] = _(
                "Use 1 to 64 letters, digits, '.', '_' and '-': a reference, "
                "not the person's name or address."
            )
        if self.legal_ground not in set(LegalGround):
            found["legal_ground"] = _("Choose one of the legal grounds.")
        if line := _bad_deadline(self.deadline):
            found["deadline"] = line
        return found

    def request(self, photos: int) -> Request:
        """The request, once there are no problems."""
        return Request(
            model=self.model,
            subject=self.subject,
            legal_ground=LegalGround(self.legal_ground),
            deadline=date.fromisoformat(self.deadline),
            photos=photos,
        )


@pages.get("/tickets/new")
def show() -> Response:
    models = sorted(record().models.registered())
    return page(NewTicket.blank(models, record().settings.deadline_days))


@pages.post("/tickets/new")
def create() -> Response:
    """The ticket, from a form that brings all its photos, or names somebody who is enrolled."""
    ticket = NewTicket.from_form(request.form)
    problems = ticket.problems(record().models.registered())
    lines: Sequence[str] = ()
    if not problems:
        try:
            accepted = _submit(ticket)
        except BadPhotos as error:
            lines = error.lines
        except NOT_ENROLLED as error:
            lines = (str(error),)
        else:
            log.info("ticket_submitted", ticket=accepted.id, user=me().name)
            flash(_("Accepted: the ticket and its photos are in the record."))
            return redirect(url_for("tickets.show", ticket=accepted.id), 303)
    return page(ticket, problems=problems, lines=lines, status=422)


def page(
    form: NewTicket,
    *,
    draft: Draft | None = None,
    problems: Mapping[str, str] | None = None,
    lines: Sequence[str] = (),
    status: int = 200,
) -> Response:
    """The form, of a draft or of none yet."""
    kept, settings = record(), record().settings
    text = render_template(
        "new_ticket.html",
        form=form,
        draft=draft,
        answers=answers(draft) if draft else None,
        drafts=[] if draft else kept.drafts.of(me().name),
        models=sorted(kept.models.registered()),
        face_sets=face_lines.all_names(kept)[:FACE_SETS],
        grounds=wording.GROUNDS,
        problems=problems or {},
        photo_lines=lines,
        settings=settings,
        kept_hours=settings.draft_seconds // HOUR,
        least=MIN_PHOTOS,
        wanted=FOR_CERTIFICATE,
    )
    return make_response(text, status)


def _submit(ticket: NewTicket) -> Ticket:
    """
    Raises:
        BadPhotos, NotEnrolled
    """
    desk, actor = services().desk, me().name
    face_set, person = named()
    photos = uploads.photos(request.files.getlist("photos"), record().settings)
    if person and not photos:
        return desk.submit_enrolled(ticket.request(0), face_set, person, actor)
    return desk.submit(ticket.request(len(photos)), photos, actor)


def named() -> tuple[str, str]:
    """Face set and enrolled person that a form names; "" where none."""
    return request.form.get("face_set", "").strip(), request.form.get("person", "").strip()


def _bad_deadline(text: str) -> str | None:
    try:
        deadline = date.fromisoformat(text)
    except ValueError:
        return str(_("Give the date as YYYY-MM-DD."))
    today = datetime.now(UTC).date()
    if deadline < today:
        return str(_("This day has passed; choose today or later."))
    if deadline > today + LONGEST:
        return str(_("This is more than a year away; choose an earlier day."))
    return None
