"""Sign-in: by password or one-time link, then by the code of the second factor."""

from __future__ import annotations

import structlog
from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import login_user, logout_user
from redis import Redis
from werkzeug.wrappers import Response

from storage.accounts import second_factor
from storage.accounts.sessions import digest
from storage.accounts.sign_in_links import SignInLinks
from storage.accounts.users import User
from storage.audit.log import Act
from web import limits
from web.accounts import browsers
from web.accounts.signed_in import Account, account, me
from web.inside import inside
from web.services import record

BY_PASSWORD, BY_LINK, BY_PROVIDER = "password", "link", "oidc"  # how a session began
_HALF = "half"  # in the cookie: the token of a sign-in whose code is still to come

pages = Blueprint("sign_in", __name__)
log = structlog.get_logger("web.sign_in")


def make_sign_in_link_token(redis: Redis, user_name: str) -> str:
    """A token for ``/sign-in/link/<token>``: works once, for an hour. The account must exist."""
    return SignInLinks(redis).make(user_name)


@pages.get("/sign-in")
def form() -> str | Response:
    if account():
        return redirect(inside(request.args.get("next", "")))
    return _form(inside(request.args.get("next", "")))


@pages.post("/sign-in")
def submit() -> tuple[str, int] | Response:
    name = request.form.get("name", "").strip().lower()[:64]
    wanted = inside(request.form.get("next", ""))
    limits.count_password(name)
    user = record().users.authenticate(name, request.form.get("password", ""))
    if user is None:
        _refused(name)
        # Never which of the two.
        return _form(wanted, name, _("Name or password is wrong.")), 401
    limits.forget_passwords(name)
    return enter(user, BY_PASSWORD, wanted)


@pages.get("/sign-in/code")
def code_form() -> str | tuple[str, int]:
    if _half_signed_in() is None:
        return _too_late()
    return render_template("sign_in_code.html", next=inside(request.args.get("next", "")))


@pages.post("/sign-in/code")
def check_code() -> tuple[str, int] | Response:
    wanted, code = inside(request.form.get("next", "")), request.form.get("code", "")
    if (name := _half_signed_in()) is None:
        return _too_late()
    limits.count_code(name)
    user = record().second_factors.check(name, code)
    if user is None or not user.enabled:
        _refused(name)
        wrong = _("This code is wrong, or was used already. Wait for the app's next one.")
        return render_template("sign_in_code.html", next=wanted, wrong=wrong), 401
    how = record().sessions.finish(session.get(_HALF, ""))
    if how is None:
        return _too_late()
    limits.forget_codes(name)
    start_session(user, how)
    if second_factor.looks_like_recovery(code):
        left = len(user.totp.recovery) if user.totp else 0
        flash(
            ngettext(
                "That recovery code is used up; %(num)s is left.",
                "That recovery code is used up; %(num)s are left.",
                left,
            )
        )
    return redirect(wanted, 303)


@pages.post("/sign-out")
def out() -> Response:
    who = me()
    record().sessions.end(who.name, digest(who.session))
    record().audit.mention(who.name, Act.SIGNED_OUT, request.remote_addr or "")
    logout_user()
    session.clear()
    return redirect(url_for("sign_in.form"), 303)


def enter(user: User, how: str, wanted: str) -> Response:
    """Signs in whoever showed a password or a link; with a second factor the code comes first."""
    if user.totp is None:
        start_session(user, how)
        return redirect(wanted, 303)
    session.clear()
    session[_HALF] = record().sessions.begin(user.name, how)
    return redirect(url_for("sign_in.code_form", next=wanted), 303)


def start_session(user: User, how: str) -> None:
    """A new session in this browser, once nothing more is to be shown."""
    # Everything from before is dropped, so a session planted in a browser gains nothing.
    session.clear()
    address, browser = request.remote_addr or "", browsers.in_words(request.user_agent.string)
    token = record().sessions.start(user.name, address, browser, how)
    session.permanent = True
    login_user(Account(user.name, user.role, token))
    record().audit.mention(user.name, Act.SIGNED_IN, address, {"by": how})
    log.info("signed_in", user=user.name, address=address, by=how)


def _form(wanted: str, name: str = "", wrong: str = "") -> str:
    nobody = not record().users.any()
    return render_template("sign_in.html", next=wanted, name=name, wrong=wrong, nobody=nobody)


def _half_signed_in() -> str | None:
    token = session.get(_HALF)
    return record().sessions.begun(token) if isinstance(token, str) else None


def _too_late() -> tuple[str, int]:
    wanted = inside(request.values.get("next", ""))
    return _form(wanted, wrong=_("The code took longer than five minutes. Sign in again.")), 400


def _refused(name: str) -> None:
    log.info("sign_in_refused", address=request.remote_addr)
    known = record().users.get(name) is not None
    record().audit.refused(request.remote_addr, name if known else "")
