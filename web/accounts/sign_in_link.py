"""One-time links: they sign in, once; one that an administrator made also sets the password."""

from __future__ import annotations

from flask import render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from storage.accounts import passwords
from storage.accounts.desk import AccountDesk
from storage.accounts.passwords import BadPassword
from storage.accounts.sign_in_links import SignInLink
from web.accounts.sign_in import BY_LINK, enter
from web.accounts.sign_in import pages as pages
from web.services import record
from web.wording import sentence


@pages.get("/sign-in/link/<token>")
def link(token: str) -> str | tuple[str, int]:
    """Shows a form alone: what fetches links ahead of people must not use it up."""
    return _page(token, record().sign_in_links.look(token))


@pages.post("/sign-in/link/<token>")
def use_link(token: str) -> str | tuple[str, int] | Response:
    found = record().sign_in_links.look(token)
    password = request.form.get("password", "")
    if found and found.sets_password and (problem := _problem(found.user, password)):
        return _page(token, found, problem)
    used = record().sign_in_links.use(token)
    user = record().users.get(used.user) if used else None
    if used is None or user is None or not user.enabled:
        return _page(token, None)
    if used.sets_password:
        user = AccountDesk(record()).set_password(user.name, password, user.name)
    return enter(user, BY_LINK, url_for("home.show"))


def _problem(name: str, password: str) -> str:
    """What is wrong with the new password; nothing of the link is used up by it."""
    if password != request.form.get("again", ""):
        return str(_("The two passwords are not the same."))
    try:
        passwords.check(name, password)
    except BadPassword as error:
        return sentence(error)
    return ""


def _page(token: str, found: SignInLink | None, problem: str = "") -> str | tuple[str, int]:
    if found is None:
        return render_template("sign_in_link.html", link=None, token="", problem=""), 404
    page: str = render_template(
        "sign_in_link.html", link=found, token=token, problem=problem, least=passwords.MIN_PASSWORD
    )
    return (page, 422) if problem else page
