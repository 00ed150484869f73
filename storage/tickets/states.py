"""Every state of a ticket, and every step that is allowed between two."""

from __future__ import annotations

from enum import StrEnum

from storage.errors import BadInput


class State(StrEnum):
    SUBMITTED = "submitted"
    APPROVED = "approved"
    PREPARING = "preparing"
    QUEUED = "queued"
    UNLEARNING = "unlearning"
    CERTIFYING = "certifying"
    PUBLISHING = "publishing"
    COMPLETED = "completed"
    DENIED = "denied"
    CANCELLED = "cancelled"
    NEEDS_PHOTOS = "needs_photos"
    NEEDS_REVIEW = "needs_review"  # the certificate was refused
    FAILED = "failed"  # kept, resumable


S = State

# A stage may be entered again: a second delivery after a crash repeats it.
TRANSITIONS: dict[State, frozenset[State]] = {
    S.SUBMITTED: frozenset({S.APPROVED, S.DENIED, S.CANCELLED, S.FAILED}),
    S.APPROVED: frozenset({S.PREPARING, S.CANCELLED, S.FAILED}),
    S.PREPARING: frozenset({S.PREPARING, S.QUEUED, S.NEEDS_PHOTOS, S.CANCELLED, S.FAILED}),
    # To publishing: tried again after it failed there, and its version is made.
    S.QUEUED: frozenset({S.UNLEARNING, S.PUBLISHING, S.CANCELLED, S.FAILED}),
    S.UNLEARNING: frozenset({S.UNLEARNING, S.CERTIFYING, S.QUEUED, S.CANCELLED, S.FAILED}),
    S.CERTIFYING: frozenset(
        {
            S.UNLEARNING,
            S.CERTIFYING,
            S.PUBLISHING,
            S.NEEDS_REVIEW,
            S.QUEUED,  # another ticket of the run was refused: the run is made again without it
            S.CANCELLED,
            S.FAILED,
        }
    ),
    S.PUBLISHING: frozenset({S.UNLEARNING, S.PUBLISHING, S.COMPLETED, S.FAILED}),
    S.NEEDS_PHOTOS: frozenset({S.APPROVED, S.CANCELLED, S.DENIED}),
    S.NEEDS_REVIEW: frozenset({S.QUEUED, S.CANCELLED, S.DENIED}),
    S.FAILED: frozenset({S.APPROVED, S.QUEUED, S.CANCELLED}),
    S.COMPLETED: frozenset(),
    S.DENIED: frozenset(),
    S.CANCELLED: frozenset(),
}

ENDED = frozenset(state for state, after in TRANSITIONS.items() if not after)
# In these a worker has something to do; a sweep puts such a ticket back when nobody holds it.
WORKED = frozenset({S.APPROVED, S.PREPARING, S.QUEUED, S.UNLEARNING, S.CERTIFYING, S.PUBLISHING})


class BadTransition(BadInput):
    """A step that the table does not allow."""


def check_transition(ticket: str, before: State, after: State) -> None:
    if after not in TRANSITIONS[before]:
        allowed = ", ".join(sorted(TRANSITIONS[before])) or "nothing: it has ended"
        raise BadTransition(
            f"ticket {ticket} is {before} and cannot become {after}; possible: {allowed}"
        )
