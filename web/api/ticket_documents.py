"""Tickets as the API reads and writes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from storage.models.desk import MOST_LETTERS
from storage.tickets.events import Event, Notice
from storage.tickets.request import LegalGround
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from storage.tickets.ticket_search import TEXT, Order
from web.api.fields import (
    Day,
    Document,
    Instant,
    Limit,
    Name,
    Next,
    Reason,
    Sent,
    Subject,
    TicketId,
)

_Note = Annotated[str, Field(max_length=MOST_LETTERS)]


class TicketDocument(Document):
    """A ticket as its events leave it."""

    id: TicketId
    model: Name
    subject: Subject
    state: State
    legal_ground: str
    deadline: Day
    days_left: int | None = Field(description="Below 0: overdue. null: it has ended.")
    photos: int
    submitted_at: Instant
    submitted_by: str
    updated_at: Instant = Field(description="When it came into its state.")
    note: str = Field(description="The last reason given: why denied, why refused, why failed.")
    result: dict[str, Any] = Field(description="Version, verdict and headline figures, when there.")
    photos_removed: bool
    archived: bool

    @classmethod
    def of(cls, ticket: Ticket) -> TicketDocument:
        days_left = ticket.days_left if ticket.open else None
        return cls.model_validate({**vars(ticket), "days_left": days_left})


class TicketPage(Document):
    items: list[TicketDocument]
    next: Next


class EventDocument(Document):
    """What happened, by whom and when; each event holds the digest of the one before."""

    number: int
    at: Instant
    actor: str
    state: State
    notice: Notice | None = Field(description="null: the event is a step into its state.")
    note: str
    previous: str | None = Field(description="SHA-256 of the event before; null for the first.")

    @classmethod
    def of(cls, event: Event) -> EventDocument:
        return cls(
            number=event.number,
            at=event.at,
            actor=event.actor,
            state=event.state,
            notice=event.notice,
            note=str(event.data.get("note", "")),
            previous=event.previous,
        )


class Events(Document):
    items: list[EventDocument]


class TicketQuery(Sent):
    model: Name | None = None
    state: State | None = None
    submitted_by: Name | None = Field(None, description="A user's name.")
    due_from: Day | None = Field(None, description="The first day of the deadlines wanted.")
    due_to: Day | None = Field(None, description="The last one.")
    text: str = Field("", max_length=TEXT, description="Part of the subject's reference or the id.")
    archived: bool = Field(False, description="Those that have left the lists, and those alone.")
    order: Order = Order.SUBMITTED
    direction: Literal["ascending", "descending"] = "descending"
    after: str | None = Field(
        None,
        pattern=r"^([0-9]{1,12}(\.[0-9]{1,9})?_)?t[0-9a-z]{12}$",
        description="The cursor: take it from `next`, or give a ticket's id.",
    )
    limit: Limit = 50


class NewTicketForm(Sent):
    """A request with the subject's photos, three at least, or archives of them."""

    model: Name
    subject: Subject
    legal_ground: LegalGround = LegalGround.CONSENT_WITHDRAWN
    deadline: Day | None = Field(None, description="From today to a year from now; else by law.")


class NewTicketBody(NewTicketForm):
    """A request about an enrolled person of a face set; no photos are sent."""

    face_set: Name
    person: str = Field(min_length=1, max_length=128, description="As the face set names them.")


class IdempotencyHeader(Sent):
    key: str | None = Field(
        None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Chosen by the sender, a UUID say: sent again, nothing is done twice. "
        "Kept for 24 hours.",
    )


class Decision(Sent):
    reason: _Note = ""


class Denial(Sent):
    reason: Reason = Field(description="Stays on record, and is shown to who submitted.")


class Extension(Sent):
    deadline: Day = Field(description="Three months after submission at most (GDPR Art. 12(3)).")
    reason: Reason = Field(description="The data subject is owed it.")


class PhotosForm(Sent):
    """More photos of the subject, or archives of them."""


class PointDocument(Document):
    fraction: float
    figures: dict[str, float]


class ProgressDocument(Document):
    """Where the work on a ticket is; its page shows the same."""

    state: State
    words: str
    live: bool = Field(description="Whether it moves without anybody doing something.")
    fraction: float | None = Field(description="0…1 of the stage.")
    text: str
    figures: dict[str, str] = Field(description="Losses and rates, the latest.")
    points: list[PointDocument] = Field(description="Their course while the weights are changed.")
    left: int | None = Field(description="Seconds until the ticket is done, about.")
    estimate: str
