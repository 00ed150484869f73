"""Error pages: what happened, what was kept, what to do. JSON gets RFC 9457 problem details."""

from __future__ import annotations

import secrets
from http import HTTPStatus

import structlog
from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError, ResponseError
from werkzeug.exceptions import HTTPException, InternalServerError

from storage.canonical import Corrupt
from storage.certificates import NoSuchCertificate
from storage.errors import BadInput, LetheError
from storage.faces import NoSuchFaceSet
from storage.models import NoSuchModel
from storage.names import BadName
from storage.objects import StoreRefused, StoreUnavailable
from storage.record import QueueUnavailable
from storage.states import BadTransition
from storage.tickets import NoSuchTicket

log = structlog.get_logger("web.errors")

_NOTHING = "Nothing was changed."
_UNSURE = (
    "Everything accepted before is kept. What you sent just now was not confirmed: "
    "look at the ticket before you send it again."
)
# status: title, what happened, what was kept, what to do
TEXTS: dict[int, tuple[str, str, str, str]] = {
    400: (
        "That could not be understood",
        "The request was incomplete or malformed.",
        _NOTHING,
        "Go back, check what you entered and send it again.",
    ),
    401: ("Sign in first", "Your session has ended.", _NOTHING, "Sign in and try again."),
    403: (
        "Your role does not allow this",
        "This page or action is for another role.",
        _NOTHING,
        "Ask an administrator if you need it.",
    ),
    404: (
        "Not found",
        "There is nothing at this address.",
        _NOTHING,
        "Check the address, or start from the desk.",
    ),
    405: (
        "Not like this",
        "This address takes another kind of request.",
        _NOTHING,
        "Start from the desk and use the buttons there.",
    ),
    409: (
        "Not in this state",
        "Somebody, or a worker, was faster, or the step is not possible now.",
        "The ticket is as it was.",
        "Open the ticket again and see where it stands.",
    ),
    413: (
        "Too much at once",
        "The upload is larger than this server takes, or has too many parts.",
        "Nothing of it was kept.",
        "Send fewer or smaller photos; twenty good ones are plenty.",
    ),
    429: (
        "Too many attempts",
        "There were too many failed sign-ins for this account from your address.",
        _NOTHING,
        "Wait 15 minutes, then try again. An administrator can give you a sign-in link.",
    ),
    500: (
        "Something went wrong here",
        "The server met an error that it did not expect.",
        _UNSURE,
        "Try again. If it stays, give your administrator the reference below.",
    ),
    503: (
        "A part of the system does not answer",
        "The object store or Redis is not reachable at the moment.",
        _UNSURE,
        "Try again in a minute. If it stays, tell your administrator.",
    ),
}
_STATUS: tuple[tuple[type[Exception], int], ...] = (  # the first that fits
    (StoreRefused, 503),
    (BadTransition, 409),
    (NoSuchTicket, 404),
    (NoSuchModel, 404),
    (NoSuchFaceSet, 404),
    (NoSuchCertificate, 404),
    (BadName, 404),
    (BadInput, 400),
    (StoreUnavailable, 503),
    (QueueUnavailable, 503),
    (ResponseError, 500),  # it answers, and we asked for nonsense
    (RedisError, 503),
    (OperationalError, 503),
    (Corrupt, 500),
    (LetheError, 500),
)


def install(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _csrf)
    for kind in (LetheError, RedisError, OperationalError):
        app.register_error_handler(kind, _known)


def _http(error: HTTPException) -> Response:
    if isinstance(error, InternalServerError):
        return _fault(error.original_exception or error)
    response = answer(error.code or 500)
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _csrf(_: CSRFError) -> Response:
    what = "The form had expired or did not come from this site."
    return answer(400, what=what, do="Open the page again and send the form from there.")


def _known(error: Exception) -> Response:
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    if status >= 500:
        return _fault(error, status)
    return answer(status, what=f"{str(error)[:1].upper()}{str(error)[1:]}.")


def _fault(error: BaseException, status: int = 500) -> Response:
    # Kinds and endpoints alone: a message may hold what must not be in a log.
    reference = secrets.token_hex(4)
    log.error(
        "fault",
        reference=reference,
        status=status,
        error=type(error).__name__,
        endpoint=request.endpoint,
    )
    what = None
    if isinstance(error, Corrupt):
        what = f"The record does not verify: {error}."
    return answer(status, what=what, reference=reference)


def answer(
    status: int, *, what: str | None = None, do: str | None = None, reference: str = ""
) -> Response:
    """The error page of a status, or its problem details where JSON was asked for."""
    nearest = status if status in TEXTS else (500 if status >= 500 else 400)
    title, usual_what, kept, usual_do = TEXTS[nearest]
    if request.blueprint == "progress" or request.path.startswith("/api/"):
        return _problem(status, title, what or usual_what)
    page = render_template(
        "error.html",
        status=status,
        phrase=HTTPStatus(status).phrase,
        title=title,
        what=what or usual_what,
        kept=kept,
        do=do or usual_do,
        reference=reference,
    )
    return make_response(page, status)


def _problem(status: int, title: str, detail: str) -> Response:
    response = jsonify(type="about:blank", status=status, title=title, detail=detail)
    response.status_code = status
    response.content_type = "application/problem+json"
    return response
