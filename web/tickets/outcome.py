"""Where a ticket stopped short of its certificate: what happened, what was kept, what to do."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import LazyString, lazy_gettext

from storage.tickets.states import State

_GONE = lazy_gettext("The request and its events, for good. The photos are removed.")
_ALL = lazy_gettext("The request, its events and its photos. Nothing was published.")


@dataclass(frozen=True)
class Outcome:
    happened: LazyString
    kept: LazyString
    todo: LazyString


OUTCOMES: dict[State, Outcome] = {
    State.DENIED: Outcome(
        lazy_gettext("An approver denied the request; no model was changed."),
        _GONE,
        lazy_gettext(
            "Tell the person within a month of the request why, and that they may complain to a "
            "supervisory authority (GDPR Art. 12(4))."
        ),
    ),
    State.CANCELLED: Outcome(
        lazy_gettext("The request was taken back; no version forgets this subject."),
        _GONE,
        lazy_gettext("Nothing. If the request stands after all, submit a new ticket with photos."),
    ),
    State.NEEDS_PHOTOS: Outcome(
        lazy_gettext("Too few of the photos show one person's face well enough to work with."),
        _ALL,
        lazy_gettext(
            "Add better photos below; those that are there are looked at again with them."
        ),
    ),
    State.NEEDS_REVIEW: Outcome(
        lazy_gettext("A new version was made, and it did not meet every rule of the policy."),
        _ALL,
        lazy_gettext(
            "Read below which rules were missed. A retry takes another seed and may pass; "
            "more and more varied photos help. If it cannot be done, deny with that reason."
        ),
    ),
    State.FAILED: Outcome(
        lazy_gettext("The work stopped with an error, after every attempt it is given."),
        _ALL,
        lazy_gettext(
            "Show the reason to your operator; the worker's log has the rest under the same "
            "digest. Once that is mended, retry: the work goes on from where it stopped."
        ),
    ),
}
