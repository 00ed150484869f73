"""Who may do what: one table of every endpoint. What is not in it is refused."""

from __future__ import annotations

from flask import Flask, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from storage.users import Role
from web.sign_in import account

PUBLIC: frozenset[Role] = frozenset()  # nobody need be signed in
EVERYONE = frozenset(Role)
REQUESTERS = frozenset({Role.REQUESTER, Role.APPROVER, Role.ADMIN})
APPROVERS = frozenset({Role.APPROVER, Role.ADMIN})
AUDITORS = frozenset({Role.AUDITOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})

TABLE: dict[str, frozenset[Role]] = {
    "static": PUBLIC,
    "sign_in.form": PUBLIC,
    "sign_in.submit": PUBLIC,
    "sign_in.link": PUBLIC,
    "sign_in.use_link": PUBLIC,
    "sign_in.out": EVERYONE,
    "home.show": EVERYONE,
    "language.choose": PUBLIC,
    "tickets.index": EVERYONE,
    "tickets.show": EVERYONE,
    "tickets.new": REQUESTERS,
    "tickets.create": REQUESTERS,
    "tickets.approve": APPROVERS,
    "tickets.deny": APPROVERS,
    "tickets.cancel": REQUESTERS,  # a requester their own alone: tickets.may_cancel
    "tickets.retry": APPROVERS,
    "progress.show": EVERYONE,
    "certificates.show": EVERYONE,
    "certificates.file": EVERYONE,
    "certificates.report": EVERYONE,
    "certificates.key": EVERYONE,
    "models.index": EVERYONE,
    "models.show": EVERYONE,
    # An older version still recognises those who are forgotten.
    "models.download": frozenset({Role.APPROVER, Role.AUDITOR, Role.ADMIN}),
    "faces.index": EVERYONE,
    "users.index": ADMINS,
    "audit.form": AUDITORS,
    "audit.run": AUDITORS,
    "health.live": PUBLIC,
    "health.ready": PUBLIC,
    "metrics.scrape": PUBLIC,
}


def install(app: Flask) -> None:
    app.before_request(_check)
    app.jinja_env.globals["may"] = may


def may(endpoint: str) -> bool:
    """Whether whoever is signed in may use ``endpoint``."""
    who = account()
    return who is not None and who.role in TABLE.get(endpoint, frozenset())


def _check() -> Response | None:
    endpoint = request.endpoint
    if endpoint is None:
        return None  # no such page: the router answers
    allowed = TABLE.get(endpoint)
    if allowed is None:
        abort(403)
    if allowed is PUBLIC:
        return None
    if account() is None:
        return _sign_in_first()
    if not may(endpoint):
        abort(403)
    return None


def _sign_in_first() -> Response:
    if request.blueprint == "progress" or request.path.startswith("/api/"):
        abort(401)
    # Back to a page that was asked for; what a form sent cannot be sent again.
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("sign_in.form", next=wanted))
