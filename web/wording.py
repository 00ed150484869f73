"""The words for states, legal grounds and deadlines, the same on every page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from storage.events import Notice
from storage.request import LegalGround
from storage.states import ENDED, State
from storage.ticket import Ticket

SOON_DAYS = 7  # left: from here on a deadline is marked


@dataclass(frozen=True)
class Wording:
    title: str
    tone: str  # of the mark beside it: wait, run, good, bad or quiet
    sentence: str  # what it means for the reader


NOTICES: dict[Notice, str] = {
    Notice.PHOTOS_REMOVED: "Photos removed",
    Notice.DEADLINE_NEAR: "Deadline near",
    Notice.DEADLINE_MISSED: "Deadline missed",
    Notice.EXTENDED: "Deadline extended",
    Notice.ARCHIVED: "Taken out of the lists",
    Notice.RESTORED: "Put back into the lists",
}
STATES: dict[State, Wording] = {
    State.SUBMITTED: Wording(
        "Waits for approval",
        "wait",
        "The ticket and its photos are kept. An approver decides whether the work begins.",
    ),
    State.APPROVED: Wording(
        "Approved", "run", "The next free worker will look at the photos; nothing to do for you."
    ),
    State.PREPARING: Wording(
        "Preparing photos", "run", "A worker finds the face in each photo and refuses unfit ones."
    ),
    State.QUEUED: Wording(
        "Waits for the model", "run", "The photos are ready; the model's next run takes them."
    ),
    State.UNLEARNING: Wording(
        "Unlearning", "run", "The model's weights are changed so that the subject's faces scatter."
    ),
    State.CERTIFYING: Wording(
        "Certifying", "run", "Held-out photos, which never trained, judge the new version."
    ),
    State.PUBLISHING: Wording(
        "Publishing", "run", "The new version and its certificate are written to the record."
    ),
    State.COMPLETED: Wording(
        "Completed", "good", "The new version is published and its certificate is signed."
    ),
    State.DENIED: Wording("Denied", "quiet", "The request was denied; its photos are removed."),
    State.CANCELLED: Wording(
        "Cancelled", "quiet", "The request was cancelled; its photos are removed."
    ),
    State.NEEDS_PHOTOS: Wording(
        "Needs photos",
        "bad",
        "Too few photos were usable; see below which and why. "
        "Cancel this ticket and submit a new one with better photos.",
    ),
    State.NEEDS_REVIEW: Wording(
        "Needs review",
        "bad",
        "The new version did not meet the policy, so its certificate was refused and nothing was "
        "published. Retry, or deny with a reason.",
    ),
    State.FAILED: Wording(
        "Failed, kept",
        "bad",
        "The work stopped with an error. Ticket and photos are kept; Retry goes on from there.",
    ),
}

GROUNDS: dict[LegalGround, str] = {
    LegalGround.CONSENT_WITHDRAWN: "Consent withdrawn (GDPR Art. 17(1)(b))",
    LegalGround.NO_LONGER_NECESSARY: "No longer necessary (GDPR Art. 17(1)(a))",
    LegalGround.OBJECTION: "Objection (GDPR Art. 17(1)(c))",
    LegalGround.UNLAWFUL_PROCESSING: "Unlawful processing (GDPR Art. 17(1)(d))",
    LegalGround.LEGAL_OBLIGATION: "Legal obligation (GDPR Art. 17(1)(e))",
    LegalGround.OTHER: "Other",
}


def ground(value: str) -> str:
    known = {str(item): words for item, words in GROUNDS.items()}
    return known.get(value, value)


@dataclass(frozen=True)
class Deadline:
    words: str
    tone: str


def deadline(ticket: Ticket) -> Deadline:
    """How a ticket stands to its deadline: days left, or whether it was met."""
    if ticket.state in ENDED:
        return _kept(ticket)
    left = ticket.days_left
    if left < 0:
        return Deadline(f"{_days(-left)} over", "bad")
    if left == 0:
        return Deadline("due today", "bad")
    return Deadline(f"{_days(left)} left", "wait" if left <= SOON_DAYS else "quiet")


def _kept(ticket: Ticket) -> Deadline:
    spare = (date.fromisoformat(ticket.deadline) - date.fromisoformat(ticket.updated_at[:10])).days
    if spare < 0:
        return Deadline(f"{_days(-spare)} late", "bad")
    return Deadline("on the last day" if spare == 0 else f"{_days(spare)} early", "quiet")


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
