"""Refusals of the API: RFC 9457 problem details, with a line for each bad field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Response
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException

from web.errors import answer

Fault = dict[str, str]  # "detail", and "pointer", "parameter" or "header": where


class FaultDocument(BaseModel):
    """One bad field, and where it stands."""

    detail: str
    pointer: str = Field("", description="In the body, as a JSON pointer (RFC 6901).")
    parameter: str = Field("", description="In the address.")
    header: str = ""


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="Where this kind of problem is described.")
    status: int
    title: str
    detail: str
    reference: str = Field("", description="Of a fault, for whoever looks into the log.")
    errors: list[FaultDocument] = Field([], description="Each bad field.")


class Refused(HTTPException):
    """A refusal with more to say than its status: a line, bad fields, headers."""

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = status
        self.errors = list(errors)
        self.sent = dict(headers or {})


def bad_fields(errors: Sequence[Fault]) -> Refused:
    """422: what was sent is readable, and fields of it cannot be used."""
    first = errors[0]
    where = first.get("pointer", "").removeprefix("#/") or first.get("parameter")
    line = f"{where or first.get('header') or 'the body'}: {first['detail']}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Refused(422, f"{line}{more}", errors=errors)


def faults(error: ValidationError, place: str) -> list[Fault]:
    """A line for each field that pydantic refuses; what was sent is not repeated."""
    found = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        path = "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in item["loc"])
        line = item["msg"].removeprefix("Value error, ")
        found.append({place: f"#/{path}" if place == "pointer" else path, "detail": line})
    return found


def respond(refused: Refused) -> Response:
    response = answer(refused.code or 400, what=refused.description, errors=refused.errors)
    response.headers.update(refused.sent)
    return response
