"""Error pages: what happened, what was kept, what to do. JSON gets RFC 9457 problem details."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from math import ceil

import structlog
from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf.csrf import CSRFError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError, ResponseError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.routing import RoutingException

from storage.accounts.users import LastAdmin, NoSuchUser
from storage.canonical import Corrupt
from storage.certificates.issued import NoSuchCertificate
from storage.errors import BadInput, LetheError
from storage.faces.sets import NoSuchFaceSet
from storage.leases import LeaseLost
from storage.ledger import UnderVerification
from storage.models.desk import ModelBusy, ModelMoved, PolicyMoved, VersionNeeded
from storage.models.imports import NoSuchImport
from storage.models.registry import ModelExists, NoSuchModel
from storage.names import BadName
from storage.record import QueueUnavailable
from storage.store.objects import StoreRefused, StoreUnavailable
from storage.tickets.desk import FourEyes
from storage.tickets.drafts import NoSuchDraft
from storage.tickets.idempotency import KeyReused, StillRunning
from storage.tickets.registry import NoSuchTicket, Overtaken
from storage.tickets.states import BadTransition
from storage.tracebacks import nameless
from web.error_texts import FOUR_EYES, LOCKED, Words, nearest
from web.wording import sentence

log = structlog.get_logger("web.errors")

AGAIN = frozenset({408, 429, 500, 503})  # where the same page may come the next time
_STATUS: tuple[tuple[type[Exception], int], ...] = (  # the first that fits
    (StoreRefused, 503),
    (FourEyes, 403),
    (NoSuchUser, 404),
    (BadTransition, 409),
    (UnderVerification, 409),
    (NoSuchTicket, 404),
    (NoSuchDraft, 404),
    (NoSuchModel, 404),
    (NoSuchFaceSet, 404),
    (NoSuchCertificate, 404),
    (Overtaken, 409),
    (ModelBusy, 409),
    (ModelMoved, 409),
    (PolicyMoved, 412),
    (VersionNeeded, 409),
    (LeaseLost, 409),
    (StillRunning, 409),
    (KeyReused, 422),
    (LastAdmin, 409),
    (ModelExists, 409),
    (NoSuchImport, 404),
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
    app.log_exception = _leave_to_fault  # type: ignore[method-assign]
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _csrf)
    for kind in (LetheError, RedisError, OperationalError):
        app.register_error_handler(kind, _known)


def _leave_to_fault(exc_info: object) -> None:
    """Flask would log the message, too."""


def _http(error: HTTPException) -> Response:
    if isinstance(error, InternalServerError):
        return _fault(error.original_exception or error)
    if isinstance(error, RoutingException):  # a redirect: the address lacks its last slash, say
        return make_response(error.get_response())
    wait = _wait(error)
    response = answer(error.code or 500, do=_do_after(wait) if wait else None)
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _wait(error: HTTPException) -> int:
    """Seconds that the answer tells to wait; 0 where it does not."""
    after = getattr(error, "retry_after", None)
    return int(after) if isinstance(after, int | float) and after > 0 else 0


def _do_after(seconds: int) -> str:
    minutes = ceil(seconds / 60)
    wait = ngettext(
        "Wait %(num)s minute, then try again.", "Wait %(num)s minutes, then try again.", minutes
    )
    link = _("An administrator can give you a sign-in link.")
    return f"{wait} {link}" if request.blueprint == "sign_in" else wait


def _csrf(_error: CSRFError) -> Response:
    what = _("The form had expired or did not come from this site.")
    return answer(400, what=what, do=_("Open the page again and send the form from there."))


def _known(error: Exception) -> Response:
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    if status >= 500:
        return _fault(error, status)
    if isinstance(error, FourEyes):
        return answer(status, words=FOUR_EYES)
    return answer(status, what=sentence(error), english=True)


def _fault(error: BaseException, status: int = 500) -> Response:
    # Kinds and places alone: a message may hold what must not be in a log.
    reference = secrets.token_hex(4)
    log.error(
        "fault",
        reference=reference,
        status=status,
        error=type(error).__name__,
        endpoint=request.endpoint,
        traceback=nameless(error),
    )
    return answer(status, what=_what(error), reference=reference)


def _what(error: BaseException) -> str | None:
    """Which part failed. Not where it is: strangers read this, too."""
    if isinstance(error, Corrupt):
        return str(_("The record does not verify: %(line)s.", line=str(error)))
    if isinstance(error, StoreRefused | StoreUnavailable):
        return str(_("The object store does not answer, or cannot do its work."))
    if isinstance(error, ResponseError):
        return None
    if isinstance(error, RedisError | OperationalError):
        return str(_("Redis does not answer, or cannot do its work."))
    return None


def answer(
    status: int,
    *,
    words: Words | None = None,
    what: str | None = None,
    english: bool = False,
    do: str | None = None,
    reference: str = "",
    errors: Sequence[Mapping[str, str]] = (),
) -> Response:
    """The error page of a status, or its problem details where JSON was asked for.

    Args:
        words: in the place of those of the status.
        what: happened, where there is more to say than the status does.
        english: whether ``what`` is so in every language, as the lines of exceptions are.
        reference: by which the log has the cause.
        errors: of the API, one for each bad field (RFC 9457, 3).
    """
    words = words or _words(status)
    if request.path.startswith("/api/") or request.blueprint in {"progress", "draft_photos"}:
        return _problem(status, str(words.title), what or str(words.what), reference, errors)
    page = render_template(
        "error.html",
        status=status,
        title=words.title,
        what=what or words.what,
        english=english,
        kept=words.kept,
        do=do or words.do,
        reference=reference,
        again=request.method == "GET" and status in AGAIN,
    )
    return make_response(page, status)


def _words(status: int) -> Words:
    return LOCKED if status == 429 and request.blueprint == "sign_in" else nearest(status)


def _problem(
    status: int, title: str, detail: str, reference: str, errors: Sequence[Mapping[str, str]]
) -> Response:
    problem: dict[str, object] = {
        "type": f"/api#problem-{status}",
        "status": status,
        "title": title,
        "detail": detail,
    }
    if reference:
        problem["reference"] = reference
    if errors:
        problem["errors"] = [dict(error) for error in errors]
    response = jsonify(problem)
    response.status_code = status
    response.content_type = "application/problem+json"
    return response
