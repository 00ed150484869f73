"""Sign-in: accounts, sessions that can be ended, the lock-out, and one-time links."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

import structlog
from flask import Blueprint, Flask, abort, redirect, render_template, request, session, url_for
from flask_login import LoginManager, current_user, login_user, logout_user
from redis import Redis
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from storage import names
from storage.settings import HOUR
from storage.users import Role
from web.inside import inside
from web.services import record

SESSION_SECONDS = 12 * HOUR
LINK_SECONDS = HOUR
FAILURES = 10  # sign-ins that may fail for one account from one address …
FAILURE_SECONDS = 15 * 60  # … within this time
WRONG = "Name or password is wrong."  # never which of the two

pages = Blueprint("sign_in", __name__)
log = structlog.get_logger("web.sign_in")


@dataclass(frozen=True)
class Account:
    """Whoever is signed in, as Flask-Login wants to see them."""

    name: str
    role: Role
    session: str

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        # The session, not the name: what the cookie holds can be taken back.
        return self.session


def install(app: Flask) -> None:
    manager = LoginManager()
    # Without its context processor: an error page must not need Redis to be shown.
    manager.init_app(app, add_context_processor=False)
    manager.user_loader(_load)
    app.jinja_env.globals["account"] = account


def account() -> Account | None:
    return current_user._get_current_object() if current_user.is_authenticated else None


def me() -> Account:
    """Whoever is signed in, in a view that the table of permissions guards."""
    found = account()
    if found is None:
        abort(401)
    return found


def make_sign_in_link_token(redis: Redis, user_name: str) -> str:
    """A token for ``/sign-in/link/<token>``: works once, for an hour. The account must exist."""
    token = secrets.token_urlsafe(32)
    redis.set(_link_key(token), names.user_name(user_name), ex=LINK_SECONDS)
    return token


@pages.get("/sign-in")
def form() -> str | Response:
    if account():
        return redirect(inside(request.args.get("next", "")))
    return render_template("sign_in.html", next=inside(request.args.get("next", "")), name="")


@pages.post("/sign-in")
def submit() -> tuple[str, int] | Response:
    name = request.form.get("name", "").strip().lower()
    wanted = inside(request.form.get("next", ""))
    _count_attempt(name)
    user = record().users.authenticate(name, request.form.get("password", ""))
    if user is None:
        log.info("sign_in_refused", address=request.remote_addr)
        page = render_template("sign_in.html", next=wanted, name=name[:64], wrong=WRONG)
        return page, 401
    record().redis.delete(_attempts_key(name))
    _start(user.name, user.role)
    return redirect(wanted, 303)


@pages.get("/sign-in/link/<token>")
def link(token: str) -> str | tuple[str, int]:
    """Shows a button alone: what fetches links ahead of people must not use it up."""
    name = record().redis.get(_link_key(token))
    if name is None:
        return render_template("sign_in_link.html", name=None, token=""), 404
    return render_template("sign_in_link.html", name=name, token=token)


@pages.post("/sign-in/link/<token>")
def use_link(token: str) -> tuple[str, int] | Response:
    name = record().redis.getdel(_link_key(token))
    user = record().users.get(str(name)) if name else None
    if user is None:
        return render_template("sign_in_link.html", name=None, token=""), 404
    _start(user.name, user.role)
    return redirect(url_for("home.show"), 303)


@pages.post("/sign-out")
def out() -> Response:
    record().redis.delete(_session_key(me().session))
    logout_user()
    session.clear()
    return redirect(url_for("sign_in.form"), 303)


def _start(name: str, role: Role) -> None:
    # Everything from before is dropped, so a session planted in a browser gains nothing.
    session.clear()
    token = secrets.token_urlsafe(32)
    record().redis.set(_session_key(token), name, ex=SESSION_SECONDS)
    session.permanent = True
    login_user(Account(name, role, token))
    log.info("signed_in", user=name, address=request.remote_addr)


def _load(token: str) -> Account | None:
    """Asks the record each time: a role taken away is gone with the next click."""
    name = record().redis.get(_session_key(token))
    user = record().users.get(str(name)) if name else None
    return Account(user.name, user.role, token) if user else None


def _count_attempt(name: str) -> None:
    key = _attempts_key(name)
    pipe = record().redis.pipeline(transaction=True)
    pipe.set(key, 0, ex=FAILURE_SECONDS, nx=True)
    pipe.incr(key)  # counted before it is tried: many at once gain nothing
    pipe.ttl(key)
    _, attempts, wait = pipe.execute()
    if attempts > FAILURES:
        log.warning("sign_in_locked", address=request.remote_addr)
        raise TooManyRequests(retry_after=max(int(wait), 1))


def _session_key(token: str) -> str:
    return f"lethe:session:{_sha256(token)}"


def _link_key(token: str) -> str:
    return f"lethe:sign-in:{_sha256(token)}"


def _attempts_key(name: str) -> str:
    return f"lethe:sign-in:attempts:{_sha256(f'{name} {request.remote_addr}')}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
