"""One's own account: the password, the sessions, and the way to the second factor."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from storage.accounts.desk import AccountDesk
from storage.accounts.passwords import MIN_PASSWORD, BadPassword
from storage.accounts.sessions import digest
from web import limits
from web.accounts.signed_in import me
from web.services import record
from web.wording import sentence

pages = Blueprint("account", __name__)


@pages.get("/account")
def show() -> str:
    return _page()


@pages.post("/account/password")
def change_password() -> tuple[str, int] | Response:
    new, name = request.form.get("new", ""), me().name
    if new != request.form.get("again", ""):
        return _page(_("The two new passwords are not the same.")), 422
    limits.count_password(name)
    try:
        AccountDesk(record()).change_password(
            name, request.form.get("old", ""), new, but=digest(me().session)
        )
    except BadPassword as error:
        return _page(sentence(error)), 422
    limits.forget_passwords(name)
    flash(_("Your password is changed. Your other sessions have ended."))
    return redirect(url_for("account.show"), 303)


@pages.post("/account/sessions/<session>/end")
def end_session(session: str) -> Response:
    AccountDesk(record()).end_session(me().name, session)
    flash(_("That session has ended."))
    return redirect(url_for("account.show"), 303)


@pages.post("/account/sessions/end")
def end_other_sessions() -> Response:
    ended = AccountDesk(record()).end_sessions(me().name, me().name, but=digest(me().session))
    flash(ngettext("%(num)s other session has ended.", "%(num)s other sessions have ended.", ended))
    return redirect(url_for("account.show"), 303)


def _page(problem: str = "") -> str:
    return render_template(
        "account.html",
        user=record().users.find(me().name),
        sessions=record().sessions.of(me().name),
        this=digest(me().session),
        hours=record().settings.session_idle_seconds / 3600,
        least=MIN_PASSWORD,
        problem=problem,
    )
