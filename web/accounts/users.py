"""Users: who has an account, what they may do, and what an admin does about it."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from storage import names
from storage.accounts.desk import AccountDesk
from storage.accounts.roles import Role
from storage.accounts.users import BadUser, NoSuchUser
from storage.errors import BadInput
from web.accounts.signed_in import me
from web.hosts import public
from web.services import record
from web.wording import sentence

SHOWN = 100  # accounts on a page of the list

pages = Blueprint("users", __name__)
log = structlog.get_logger("web.users")


@pages.get("/users")
def index() -> str:
    return _list()


@pages.post("/users")
def add() -> tuple[str, int] | str:
    """Without a password: nobody but its owner ever knows it."""
    name = request.form.get("name", "").strip().lower()
    try:
        _desk().add(name, _role(), None, me().name)
    except BadInput as error:
        return _list(sentence(error), name), 422
    log.info("user_added", user=name, by=me().name)
    return _link(name, added=True)


@pages.get("/users/<name>")
def show(name: str) -> str:
    return _page(name)


@pages.post("/users/<name>/role")
def change_role(name: str) -> tuple[str, int] | Response:
    role = _role()
    return _do(
        name,
        lambda: _desk().change_role(name, role, me().name),
        _("The role is changed; it holds from the next click on."),
    )


@pages.post("/users/<name>/disable")
def disable(name: str) -> tuple[str, int] | Response:
    return _do(
        name,
        lambda: _desk().disable(name, me().name),
        _("The account is disabled, and its sessions have ended."),
    )


@pages.post("/users/<name>/enable")
def enable(name: str) -> tuple[str, int] | Response:
    return _do(name, lambda: _desk().enable(name, me().name), _("The account is enabled."))


@pages.post("/users/<name>/second-factor/reset")
def reset_second_factor(name: str) -> tuple[str, int] | Response:
    return _do(
        name,
        lambda: _desk().reset_second_factor(name, me().name),
        _("The second factor is reset, and the sessions have ended."),
    )


@pages.post("/users/<name>/sessions/end")
def end_sessions(name: str) -> Response:
    ended = _desk().end_sessions(name, me().name)
    flash(ngettext("%(num)s session has ended.", "%(num)s sessions have ended.", ended))
    return redirect(url_for("users.show", name=name), 303)


@pages.post("/users/<name>/link")
def make_link(name: str) -> tuple[str, int] | str:
    try:
        return _link(name)
    except NoSuchUser:
        raise
    except BadUser as error:
        return _page(name, sentence(error)), 422


def _do(name: str, act: Callable[[], object], done: str) -> tuple[str, int] | Response:
    try:
        act()
    except NoSuchUser:
        raise
    except BadUser as error:  # the last admin, say: what else can be done is on the page
        return _page(name, sentence(error)), 422
    log.info("user_changed", user=name, by=me().name, endpoint=request.endpoint)
    flash(done)
    # Their own role may be another one now.
    own = name == me().name
    return redirect(url_for("home.show") if own else url_for("users.show", name=name), 303)


def _desk() -> AccountDesk:
    return AccountDesk(record())


def _role() -> Role:
    given = request.form.get("role", "")
    if given not in set(Role):
        raise BadInput(f"role {given[:64]!r}: there is none; choose one of the list")
    return Role(given)


def _list(problem: str = "", name: str = "") -> str:
    every, after = record().users.names(), request.args.get("after", "")
    following = [found for found in every if found > after]
    shown = following[:SHOWN]
    return render_template(
        "users.html",
        users=[user for found in shown if (user := record().users.get(found))],
        last=record().sessions.last_sign_ins(shown),
        count=len(every),
        next=shown[-1] if len(following) > SHOWN else None,
        roles_to_choose=list(Role),
        name=name[:64],
        problem=problem,
    )


def _page(name: str, problem: str = "") -> str:
    user = record().users.find(names.user_name(name))
    return render_template(
        "users_user.html",
        user=user,
        own=user.name == me().name,
        sessions=record().sessions.of(user.name),
        last=record().sessions.last_sign_ins([user.name]).get(user.name),
        roles_to_choose=list(Role),
        problem=problem,
    )


def _link(name: str, *, added: bool = False) -> str:
    """Shown in this answer alone: no session, no log and no history holds it."""
    url = public(url_for("sign_in.use_link", token=_desk().link(name, me().name)))
    return render_template("users_link.html", name=name, url=url, added=added)
