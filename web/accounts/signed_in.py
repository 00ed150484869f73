"""Who is signed in: asked anew with each request, so that what is taken away is gone at once."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, abort, g, request
from flask_login import LoginManager, current_user

from storage.accounts.roles import Role
from web.services import record

# What a page asks by itself keeps no session alive.
_BY_ITSELF = frozenset({"progress.show", "draft_photos.show", "model_import.state"})


@dataclass(frozen=True)
class Account:
    """Whoever is signed in, as Flask-Login wants to see them."""

    name: str
    role: Role
    session: str  # its token; "" of a program that calls the API
    must_enrol: bool = False  # a second factor is required, and there is none yet

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
    """The owner of the API token, else of the session that the cookie names."""
    by_token: Account | None = g.get("account")
    if by_token is not None:
        return by_token
    return current_user._get_current_object() if current_user.is_authenticated else None


def me() -> Account:
    """Whoever is signed in, in a view that the table of permissions guards."""
    found = account()
    if found is None:
        abort(401)
    return found


def _load(token: str) -> Account | None:
    """Asks the record each time: a role taken away is gone with the next click."""
    session = record().sessions.find(token, used=request.endpoint not in _BY_ITSELF)
    user = record().users.get(session.user) if session else None
    if session is None or user is None or not user.enabled:
        return None
    # Who comes by an OpenID provider has shown there whatever is asked for.
    required = record().settings.second_factor == "required" and not user.external
    return Account(user.name, user.role, token, must_enrol=required and user.totp is None)
