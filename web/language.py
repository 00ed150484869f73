"""In which language pages answer: what somebody chose, else what their browser asks for."""

from __future__ import annotations

from babel import negotiate_locale
from flask import Blueprint, Flask, redirect, request
from flask_babel import Babel, get_locale
from werkzeug.wrappers import Response

from web.inside import inside

LANGUAGES = {"en": "English", "ru": "Русский"}
COOKIE = "language"
_YEAR = 365 * 24 * 3600  # seconds

pages = Blueprint("language", __name__)


def install(app: Flask) -> None:
    # Times are shown in UTC: an auditor and an operator in two countries must read the same.
    Babel(app, default_locale="en", default_timezone="UTC", locale_selector=_chosen)
    app.jinja_env.globals.update(languages=LANGUAGES, language=language)


def language() -> str:
    """The code of the language in which this request is answered."""
    return str(get_locale() or "en")


@pages.post("/language")
def choose() -> Response:
    answer = redirect(inside(request.form.get("next", "")), 303)
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        answer.set_cookie(
            COOKIE,
            chosen,
            max_age=_YEAR,
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return answer


def _chosen() -> str | None:
    if request.path.startswith("/api/"):
        return "en"  # programs read it
    if (chosen := request.cookies.get(COOKIE)) in LANGUAGES:
        return chosen
    # werkzeug's best_match takes en where somebody asks for ru-RU and then en.
    wanted = [tag for tag, quality in request.accept_languages if quality]
    return negotiate_locale(wanted, LANGUAGES, sep="-")
