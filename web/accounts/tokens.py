"""API tokens: one's own, issued and revoked; and other people's, which admins see and revoke."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from storage.accounts.api_tokens import (
    MAX_DAYS,
    MOST,
    SCOPES,
    ApiToken,
    BadToken,
    NoSuchToken,
    Scope,
)
from web.accounts.signed_in import me
from web.services import record
from web.wording import sentence

DAYS = 90  # proposed
SOON_DAYS = 7  # left: from here on a token is marked
WORDS: dict[Scope, LazyString] = {
    Scope.READ: lazy_gettext("Read tickets, progress, certificates, models and face sets"),
    Scope.SUBMIT: lazy_gettext("Submit tickets, add photos to them and cancel them"),
    Scope.DECIDE: lazy_gettext("Approve, deny, retry, extend and archive tickets"),
    Scope.MODELS: lazy_gettext("Promote and roll back versions, and settle how models are run"),
    Scope.USERS: lazy_gettext("Add users, change their roles and disable them"),
    Scope.AUDIT: lazy_gettext("Read the audit log and verify the record"),
}

pages = Blueprint("tokens", __name__)
user_pages = Blueprint("user_tokens", __name__)
log = structlog.get_logger("web.tokens")


@pages.get("/account/tokens")
def index() -> str:
    return _page(me().name)


@pages.post("/account/tokens")
def issue() -> str | tuple[str, int]:
    """The secret is in this answer alone: no session, no log and no history holds it."""
    name, given = me().name, request.form
    chosen = frozenset(scope for scope in Scope if scope in given.getlist("scope"))
    try:
        token, secret = record().api_tokens.issue(
            name, given.get("name", "").strip(), chosen, _days(given.get("days", "")), name
        )
    except BadToken as error:
        return _page(name, sentence(error), {**given.to_dict(), "scopes": chosen}), 422
    log.info("api_token_issued", user=name, token=token.id)
    address = record().settings.public_url or ""
    return render_template(
        "tokens_issued.html", token=token, secret=secret, words=WORDS, address=address
    )


@pages.post("/account/tokens/<token>/revoke")
def revoke(token: str) -> Response:
    return _revoke(me().name, token, url_for("tokens.index"))


@user_pages.get("/users/<name>/tokens", endpoint="index")
def of_user(name: str) -> str:
    return _page(record().users.find(name).name)


@user_pages.post("/users/<name>/tokens/<token>/revoke", endpoint="revoke")
def revoke_of_user(name: str, token: str) -> Response:
    return _revoke(name, token, url_for("user_tokens.index", name=name))


def days_left(token: ApiToken) -> int:
    return (datetime.fromisoformat(token.expires_at) - datetime.now(UTC)).days


def _revoke(name: str, token: str, page: str) -> Response:
    try:
        revoked = record().api_tokens.revoke(name, token, me().name)
    except NoSuchToken:
        abort(404)
    log.info("api_token_revoked", user=name, token=token, by=me().name)
    flash(_("The token %(name)s is revoked: it opens nothing any more.", name=revoked.name))
    return redirect(page, 303)


def _days(text: str) -> int:
    """
    Raises:
        BadToken: it is no number.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise BadToken(f"days {text[:16]!r}: give a number from 1 to {MAX_DAYS}")
    return int(text)


def _page(owner: str, problem: str = "", given: dict[str, object] | None = None) -> str:
    tokens = record().api_tokens.of(owner)
    page: str = render_template(
        "tokens.html",
        owner=owner,
        own=request.blueprint == "tokens",
        tokens=tokens,
        full=len(tokens) >= MOST,
        days_left=days_left,
        soon=SOON_DAYS,
        scopes=[scope for scope in Scope if scope in SCOPES[me().role]],
        words=WORDS,
        most_days=MAX_DAYS,
        given={"name": "", "days": DAYS, "scopes": {Scope.READ}, **(given or {})},
        problem=problem,
    )
    return page
