"""The form of a new ticket: what came, and what is wrong with it, field by field."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from storage import names
from storage.errors import BadInput
from storage.request import LegalGround, Request, default_deadline

LONGEST = timedelta(days=366)  # no deadline that a law sets is further away


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
        found = {}
        if self.model not in models:
            found["model"] = "Choose one of the models."
        try:
            names.subject_reference(self.subject)
        except BadInput:
            found["subject"] = (
                "Use 1 to 64 letters, digits, '.', '_' and '-': a reference, "
                "not the person's name or address."
            )
        if self.legal_ground not in set(LegalGround):
            found["legal_ground"] = "Choose one of the legal grounds."
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


def _bad_deadline(text: str) -> str | None:
    try:
        deadline = date.fromisoformat(text)
    except ValueError:
        return "Give the date as YYYY-MM-DD."
    today = datetime.now(UTC).date()
    if deadline < today:
        return "This day has passed; choose today or later."
    if deadline > today + LONGEST:
        return "This is more than a year away; choose an earlier day."
    return None
