"""Settings: what accounts need, how long sessions last, and how often anything may be tried."""

from __future__ import annotations

from typing import Literal

from limits import parse_many
from pydantic import BaseModel, Field, field_validator

_TWO_HOURS = 2 * 3600


class AccountSettings(BaseModel):
    second_factor: Literal["optional", "required"] = "optional"  # whether everybody needs one
    session_idle_seconds: int = Field(_TWO_HOURS, gt=0)  # a session unused for so long ends
    four_eyes: bool = False  # who submitted a ticket cannot approve it

    # in Flask-Limiter's words, e.g. "60 per minute; 500 per hour"; "none": no limit
    limit_sign_ins: str = "100 per 15 minutes"  # attempts from one address
    limit_submissions: str = "60 per minute"  # of one account
    limit_downloads: str = "60 per minute"  # of versions, packs and exports, by one account
    limit_api: str = "600 per minute"  # requests of one account

    @field_validator("limit_sign_ins", "limit_submissions", "limit_downloads", "limit_api")
    @classmethod
    def _limit(cls, value: str) -> str:
        if value in {"", "none"}:
            return ""
        try:
            parse_many(value)
        except ValueError:
            raise ValueError('give e.g. "60 per minute; 500 per hour", or "none"') from None
        return value
