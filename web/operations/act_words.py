"""The words for what the audit log tells of."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext

from storage.audit.log import Act

ACTS: dict[Act, LazyString] = {
    Act.SIGNED_IN: lazy_gettext("Signed in"),
    Act.SIGN_IN_REFUSED: lazy_gettext("Sign-in refused"),
    Act.SIGNED_OUT: lazy_gettext("Signed out"),
    Act.LINK_MADE: lazy_gettext("Sign-in link made"),
    Act.USER_ADDED: lazy_gettext("User added"),
    Act.ROLE_CHANGED: lazy_gettext("Role changed"),
    Act.USER_DISABLED: lazy_gettext("User disabled"),
    Act.USER_ENABLED: lazy_gettext("User enabled"),
    Act.PASSWORD_CHANGED: lazy_gettext("Password changed"),
    Act.TOTP_ENABLED: lazy_gettext("Second factor switched on"),
    Act.TOTP_DISABLED: lazy_gettext("Second factor switched off"),
    Act.SESSIONS_ENDED: lazy_gettext("Sessions ended"),
    Act.TOKEN_ISSUED: lazy_gettext("API token issued"),
    Act.TOKEN_REVOKED: lazy_gettext("API token revoked"),
    Act.POLICY_CHANGED: lazy_gettext("Model's policy changed"),
    Act.VERSION_IMPORTED: lazy_gettext("Version imported"),
    Act.VERSION_PROMOTED: lazy_gettext("Version promoted"),
    Act.VERSION_ROLLED_BACK: lazy_gettext("Version rolled back"),
    Act.VERSION_DOWNLOADED: lazy_gettext("Version downloaded"),
    Act.VERSION_DELETED: lazy_gettext("Version deleted"),
    Act.FACE_SET_ADDED: lazy_gettext("Face set added"),
    Act.TICKETS_EXPORTED: lazy_gettext("Tickets exported"),
    Act.AUDIT_EXPORTED: lazy_gettext("Audit log exported"),
    Act.LEDGER_VERIFIED: lazy_gettext("Record verified"),
    Act.LEDGER_REBUILT: lazy_gettext("Redis rebuilt from the record"),
}
# Where what an entry is about has a page of its own.
OF_MODELS = frozenset(
    {
        Act.POLICY_CHANGED,
        Act.VERSION_IMPORTED,
        Act.VERSION_PROMOTED,
        Act.VERSION_ROLLED_BACK,
        Act.VERSION_DOWNLOADED,
        Act.VERSION_DELETED,
    }
)


def act_words(act: str) -> str:
    """In the reader's language; as it is kept where a later Lethe wrote it."""
    return str(ACTS[Act(act)]) if act in set(Act) else act.replace("_", " ")
