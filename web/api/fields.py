"""Kinds of fields that documents share, with the bounds that ``storage`` has for them."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from storage.models.desk import MOST_LETTERS

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

TicketId = Annotated[str, Field(pattern=r"^t[0-9a-z]{12}$", examples=["t4q7w1z0k8m2"])]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", examples=["door-cameras"])]
Subject = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="An opaque reference; never the person's name or address.",
        examples=["DSR-2026-0142"],
    ),
]
Instant = Annotated[
    str, Field(description="ISO 8601, UTC", json_schema_extra={"format": "date-time"})
]
Digest = Annotated[str, Field(description="SHA-256", pattern=r"^[0-9a-f]{64}$")]
Reason = Annotated[str, Field(min_length=1, max_length=MOST_LETTERS, pattern=r"\S")]
Limit = Annotated[int, Field(ge=1, le=100, description="Items on a page, at most.")]
Next = Annotated[
    str | None,
    Field(description="Where the next page is; null on the last. The same in the Link header."),
]


def _day(value: Any) -> Any:
    """pydantic alone takes seconds since the epoch, too."""
    if isinstance(value, str) and DAY.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    if isinstance(value, date):
        return value
    raise ValueError("give the date as YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_day)]


class Document(BaseModel):
    """What the API answers with."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Sent(BaseModel):
    """What is sent to the API; a field that there is none of is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
