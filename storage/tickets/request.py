"""What somebody asks for: to forget one subject in one model, on a legal ground, by a date."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from storage import names
from storage.canonical import Document


class LegalGround(StrEnum):
    """Why the subject may ask: GDPR Article 17(1), and what lies outside of it."""

    CONSENT_WITHDRAWN = "gdpr-17-1-b"
    NO_LONGER_NECESSARY = "gdpr-17-1-a"
    OBJECTION = "gdpr-17-1-c"
    UNLAWFUL_PROCESSING = "gdpr-17-1-d"
    LEGAL_OBLIGATION = "gdpr-17-1-e"
    OTHER = "other"


@dataclass(frozen=True)
class Request:
    """What is asked: one subject, one model."""

    model: str
    subject: str  # an opaque reference
    legal_ground: LegalGround
    deadline: date
    photos: int

    @classmethod
    def parse(cls, document: Document) -> Request:
        """
        Raises:
            KeyError, TypeError, ValueError, BadName: not what ``document`` gives.
        """
        request = cls(
            **{
                **document,
                "legal_ground": LegalGround(document["legal_ground"]),
                "deadline": date.fromisoformat(document["deadline"]),
            }
        )
        if type(request.photos) is not int or request.document() != document:
            raise ValueError
        return request

    def document(self) -> Document:
        return {
            "model": names.model_name(self.model),
            "subject": names.subject_reference(self.subject),
            "legal_ground": str(self.legal_ground),
            "deadline": self.deadline.isoformat(),
            "photos": self.photos,
        }


def default_deadline(days: int | None = None) -> date:
    """In ``days`` from today (UTC), or in one month: GDPR Art. 12(3)."""
    today = datetime.now(UTC).date()
    return months_after(today, 1) if days is None else today + timedelta(days=days)


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or that month's last: Regulation 1182/71 Art. 3(2)(c)."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
