"""Who may do what: one table of every endpoint. What is not in it is refused."""

from __future__ import annotations

from flask import Flask, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from storage.accounts.users import Role
from web.accounts.signed_in import account, me

PUBLIC: frozenset[Role] = frozenset()  # nobody need be signed in
EVERYONE = frozenset(Role)
REQUESTERS = frozenset({Role.REQUESTER, Role.APPROVER, Role.ADMIN})
APPROVERS = frozenset({Role.APPROVER, Role.ADMIN})
AUDITORS = frozenset({Role.AUDITOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
STAFF = frozenset({Role.APPROVER, Role.AUDITOR, Role.ADMIN})

TABLE: dict[str, frozenset[Role]] = {
    "static": PUBLIC,
    "sign_in.form": PUBLIC,
    "sign_in.submit": PUBLIC,
    "sign_in.code_form": PUBLIC,  # the password was right, or the answer is "sign in again"
    "sign_in.check_code": PUBLIC,
    "sign_in.link": PUBLIC,
    "sign_in.use_link": PUBLIC,
    "oidc.begin": PUBLIC,
    "oidc.finish": PUBLIC,
    "sign_in.out": EVERYONE,
    "home.show": EVERYONE,
    "language.choose": PUBLIC,
    "tickets.index": EVERYONE,
    "tickets.show": EVERYONE,
    "bulk.confirm": REQUESTERS,  # which steps: as of one ticket, below
    "bulk.perform": REQUESTERS,
    "ticket_export.download": STAFF,
    "new_ticket.show": REQUESTERS,
    "new_ticket.create": REQUESTERS,
    "drafts.show": REQUESTERS,  # their own alone, as all that is done with drafts
    "drafts.submit": REQUESTERS,
    "drafts.discard": REQUESTERS,
    "draft_photos.begin": REQUESTERS,
    "draft_photos.fill": REQUESTERS,
    "draft_photos.show": REQUESTERS,
    "draft_photos.add": REQUESTERS,
    "draft_photos.enrol": REQUESTERS,
    "draft_photos.take_out": REQUESTERS,
    "draft_photos.people": REQUESTERS,  # they name them in tickets
    "tickets.approve": APPROVERS,
    "tickets.deny": APPROVERS,
    "tickets.cancel": REQUESTERS,  # a requester their own alone: actions.may_cancel
    "tickets.retry": APPROVERS,
    "tickets.extend": APPROVERS,
    "tickets.add_photos": REQUESTERS,  # the same: tickets of their own
    "tickets.archive": APPROVERS,
    "tickets.restore": APPROVERS,
    "progress.show": EVERYONE,
    "certificates.show": EVERYONE,
    "certificates.file": EVERYONE,
    "certificates.report": EVERYONE,
    "certificates.checks": EVERYONE,
    "certificates.drawing": EVERYONE,
    "certificates.key": EVERYONE,
    "models.index": EVERYONE,
    "models.show": EVERYONE,
    "models.moves": EVERYONE,
    # An older version still recognises those who are forgotten.
    "models.download": STAFF,
    "model_download.show": STAFF,
    "model_download.packed": STAFF,
    "model_versions.comparison": EVERYONE,
    "model_versions.confirm_promotion": APPROVERS,
    "model_versions.promote": APPROVERS,
    "model_versions.confirm_rollback": APPROVERS,
    "model_versions.roll_back": APPROVERS,
    "model_versions.confirm_deletion": ADMINS,
    "model_versions.delete": ADMINS,
    "model_versions.settle": ADMINS,
    "model_import.new": ADMINS,
    "model_import.create": ADMINS,
    "model_import.show": ADMINS,
    "model_import.state": ADMINS,
    "faces.index": EVERYONE,
    "faces.show": EVERYONE,
    "faces.people": APPROVERS,  # names of people who are no subjects
    "account.show": EVERYONE,
    "account.change_password": EVERYONE,
    "account.end_session": EVERYONE,
    "account.end_other_sessions": EVERYONE,
    "second_factor.show": EVERYONE,
    "second_factor.enable": EVERYONE,
    "second_factor.renew": EVERYONE,
    "second_factor.disable": EVERYONE,
    "tokens.index": EVERYONE,
    "tokens.issue": EVERYONE,
    "tokens.revoke": EVERYONE,  # their own alone
    "user_tokens.index": ADMINS,
    "user_tokens.revoke": ADMINS,
    "users.index": ADMINS,
    "users.show": ADMINS,
    "users.add": ADMINS,
    "users.change_role": ADMINS,
    "users.disable": ADMINS,
    "users.enable": ADMINS,
    "users.reset_second_factor": ADMINS,
    "users.end_sessions": ADMINS,
    "users.make_link": ADMINS,
    "audit.index": AUDITORS,
    "audit.run": AUDITORS,
    "audit.export": AUDITORS,
    "reference.show": EVERYONE,
    "api.openapi": PUBLIC,  # the same for everybody; nothing in it is of this installation
    "api.list_tickets": EVERYONE,
    "api.show_ticket": EVERYONE,
    "api.list_events": EVERYONE,
    "api.show_progress": EVERYONE,
    "api.download_certificate": EVERYONE,
    "api.download_report": EVERYONE,
    "api.download_key": EVERYONE,
    "api.submit_ticket": REQUESTERS,
    "api.add_photos": REQUESTERS,  # a requester to their own alone: actions.may_add_photos
    "api.approve_ticket": APPROVERS,
    "api.deny_ticket": APPROVERS,
    "api.cancel_ticket": REQUESTERS,  # a requester their own alone: actions.may_cancel
    "api.retry_ticket": APPROVERS,
    "api.extend_ticket": APPROVERS,
    "api.archive_ticket": APPROVERS,
    "api.restore_ticket": APPROVERS,
    "api.list_models": EVERYONE,
    "api.show_model": EVERYONE,
    "api.list_versions": EVERYONE,
    "api.show_version": EVERYONE,
    "api.download_version": STAFF,
    "api.download_pack": STAFF,
    "api.import_model": ADMINS,
    "api.show_import": ADMINS,
    "api.delete_version": ADMINS,
    "api.list_moves": EVERYONE,
    "api.promote_version": APPROVERS,
    "api.roll_back": APPROVERS,
    "api.show_policy": EVERYONE,
    "api.settle_policy": ADMINS,
    "api.list_face_sets": EVERYONE,
    "api.show_face_set": EVERYONE,
    "api.list_people": REQUESTERS,  # they name them in tickets
    "api.verify_ledger": AUDITORS,
    "api.list_audit_log": AUDITORS,
    "api.list_users": ADMINS,
    "api.add_user": ADMINS,
    "api.show_user": ADMINS,
    "api.change_user": ADMINS,
    "api.make_link": ADMINS,
    "api.list_tokens": EVERYONE,
    "api.revoke_token": EVERYONE,
    "api.show_me": EVERYONE,
    "api.show_system": EVERYONE,
    "system.show": STAFF,
    "policies.show": STAFF,
    "health.live": PUBLIC,
    "health.ready": PUBLIC,
    "metrics.scrape": PUBLIC,
}


# What is left to whoever lacks the second factor that LETHE_SECOND_FACTOR requires.
ENROLMENT = frozenset({"second_factor.show", "second_factor.enable", "sign_in.out"})


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
    return _enrol_first() if me().must_enrol and endpoint not in ENROLMENT else None


def _enrol_first() -> Response:
    if _by_script():
        abort(403)
    return redirect(url_for("second_factor.show"))


def _sign_in_first() -> Response:
    if _by_script():
        abort(401)
    # Back to a page that was asked for; what a form sent cannot be sent again.
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("sign_in.form", next=wanted))


def _by_script() -> bool:
    """Whether a script asks, which a page of ours would not help."""
    return request.blueprint in {"progress", "draft_photos"} or request.path.startswith("/api/")
