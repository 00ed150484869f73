"""The words for states, legal grounds and deadlines, the same on every page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask_babel import LazyString, lazy_gettext, ngettext
from flask_babel import gettext as _

from storage.accounts.users import Role
from storage.tickets.events import Notice
from storage.tickets.request import LegalGround
from storage.tickets.states import ENDED, State
from storage.tickets.ticket import Ticket

SOON_DAYS = 7  # left: from here on a deadline is marked


@dataclass(frozen=True)
class Wording:
    title: LazyString
    tone: str  # of the mark beside it: wait, run, good, bad or quiet
    sentence: LazyString  # what it means for the reader


NOTICES: dict[Notice, LazyString] = {
    Notice.PHOTOS_REMOVED: lazy_gettext("Photos removed"),
    Notice.DEADLINE_NEAR: lazy_gettext("Deadline near"),
    Notice.DEADLINE_MISSED: lazy_gettext("Deadline missed"),
    Notice.EXTENDED: lazy_gettext("Deadline extended"),
    Notice.ARCHIVED: lazy_gettext("Taken out of the lists"),
    Notice.RESTORED: lazy_gettext("Put back into the lists"),
}
STATES: dict[State, Wording] = {
    State.SUBMITTED: Wording(
        lazy_gettext("Waits for approval"),
        "wait",
        lazy_gettext(
            "The ticket and its photos are kept. An approver decides whether the work begins."
        ),
    ),
    State.APPROVED: Wording(
        lazy_gettext("Approved"),
        "run",
        lazy_gettext("The next free worker will look at the photos; nothing to do for you."),
    ),
    State.PREPARING: Wording(
        lazy_gettext("Preparing photos"),
        "run",
        lazy_gettext("A worker finds the face in each photo and refuses unfit ones."),
    ),
    State.QUEUED: Wording(
        lazy_gettext("Waits for the model"),
        "run",
        lazy_gettext("The photos are ready; the model's next run takes them."),
    ),
    State.UNLEARNING: Wording(
        lazy_gettext("Unlearning"),
        "run",
        lazy_gettext("The model's weights are changed so that the subject's faces scatter."),
    ),
    State.CERTIFYING: Wording(
        lazy_gettext("Certifying"),
        "run",
        lazy_gettext("Held-out photos, which never trained, judge the new version."),
    ),
    State.PUBLISHING: Wording(
        lazy_gettext("Publishing"),
        "run",
        lazy_gettext("The new version and its certificate are written to the record."),
    ),
    State.COMPLETED: Wording(
        lazy_gettext("Completed"),
        "good",
        lazy_gettext("The new version is published and its certificate is signed."),
    ),
    State.DENIED: Wording(
        lazy_gettext("Denied"),
        "quiet",
        lazy_gettext("The request was denied; its photos are removed."),
    ),
    State.CANCELLED: Wording(
        lazy_gettext("Cancelled"),
        "quiet",
        lazy_gettext("The request was cancelled; its photos are removed."),
    ),
    State.NEEDS_PHOTOS: Wording(
        lazy_gettext("Needs photos"),
        "bad",
        lazy_gettext(
            "Too few photos were usable; see below which and why. "
            "Add better ones there, or cancel the ticket."
        ),
    ),
    State.NEEDS_REVIEW: Wording(
        lazy_gettext("Needs review"),
        "bad",
        lazy_gettext(
            "The new version did not meet the policy, so its certificate was refused and nothing "
            "was published. Retry, or deny with a reason."
        ),
    ),
    State.FAILED: Wording(
        lazy_gettext("Failed, kept"),
        "bad",
        lazy_gettext(
            "The work stopped with an error. Ticket and photos are kept; Retry goes on from there."
        ),
    ),
}

GROUNDS: dict[LegalGround, LazyString] = {
    LegalGround.CONSENT_WITHDRAWN: lazy_gettext("Consent withdrawn (GDPR Art. 17(1)(b))"),
    LegalGround.NO_LONGER_NECESSARY: lazy_gettext("No longer necessary (GDPR Art. 17(1)(a))"),
    LegalGround.OBJECTION: lazy_gettext("Objection (GDPR Art. 17(1)(c))"),
    LegalGround.UNLAWFUL_PROCESSING: lazy_gettext("Unlawful processing (GDPR Art. 17(1)(d))"),
    LegalGround.LEGAL_OBLIGATION: lazy_gettext("Legal obligation (GDPR Art. 17(1)(e))"),
    LegalGround.OTHER: lazy_gettext("Other"),
}
ROLES: dict[Role, LazyString] = {
    Role.REQUESTER: lazy_gettext("requester"),
    Role.APPROVER: lazy_gettext("approver"),
    Role.AUDITOR: lazy_gettext("auditor"),
    Role.ADMIN: lazy_gettext("admin"),
}


def sentence(error: Exception) -> str:
    """The one line of a refusal, as it stands on a page."""
    line = str(error)
    return f"{line[:1].upper()}{line[1:]}".rstrip(".") + "."


def ground(value: str) -> str:
    known = {str(item): words for item, words in GROUNDS.items()}
    return str(known.get(value, value))


def verdict(value: object) -> str:
    known = {"passed": _("Passed"), "refused": _("Refused")}
    return str(known.get(str(value), str(value).capitalize()))


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
        return Deadline(ngettext("%(num)s day over", "%(num)s days over", -left), "bad")
    if left == 0:
        return Deadline(_("due today"), "bad")
    words = ngettext("%(num)s day left", "%(num)s days left", left)
    return Deadline(words, "wait" if left <= SOON_DAYS else "quiet")


def _kept(ticket: Ticket) -> Deadline:
    spare = (date.fromisoformat(ticket.deadline) - date.fromisoformat(ticket.updated_at[:10])).days
    if spare < 0:
        return Deadline(ngettext("%(num)s day late", "%(num)s days late", -spare), "bad")
    if spare == 0:
        return Deadline(_("on the last day"), "quiet")
    return Deadline(ngettext("%(num)s day early", "%(num)s days early", spare), "quiet")
