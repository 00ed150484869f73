"""Who calls the API: the owner of the bearer token (RFC 6750), never of a cookie."""

from __future__ import annotations

from flask import Flask, abort, g, request

from storage.accounts.api_tokens import ApiToken
from web.accounts.signed_in import Account
from web.api.problems import Refused
from web.api.scopes import SCOPES
from web.permissions import PUBLIC, TABLE, may
from web.services import record

REALM = 'Bearer realm="lethe"'


def install(app: Flask) -> None:
    """Before the table of permissions, which asks ``account()`` for who it is."""
    app.before_request(_authenticate)


def token() -> ApiToken:
    """The token of this request, in a view behind it."""
    found: ApiToken | None = g.get("api_token")
    if found is None:
        abort(401)
    return found


def _authenticate() -> None:
    endpoint = request.endpoint or ""
    if request.blueprint != "api" or TABLE.get(endpoint) is PUBLIC:
        return
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        line = "Send an API token: Authorization: Bearer lethe_…. Cookies are not looked at."
        raise Refused(401, line, headers={"WWW-Authenticate": REALM})
    found = record().api_tokens.bearer(secret.strip())
    if found is None:
        line = "The API token is unknown, expired or revoked, or its owner's account is disabled."
        challenge = f'{REALM}, error="invalid_token"'
        raise Refused(401, line, headers={"WWW-Authenticate": challenge})
    g.api_token, owner = found
    g.account = Account(owner.name, owner.role, "")
    if not may(endpoint):
        line = f"The role {owner.role} of {owner.name} does not allow this; ask an administrator."
        raise Refused(403, line)
    _check_scope(endpoint)


def _check_scope(endpoint: str) -> None:
    needed = SCOPES[endpoint]
    if needed not in token().scopes:
        line = f"The API token lacks the scope {needed}; issue one that has it."
        challenge = f'{REALM}, error="insufficient_scope", scope="{needed}"'
        raise Refused(403, line, headers={"WWW-Authenticate": challenge})
