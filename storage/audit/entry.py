"""One entry of the audit log: who did what, when, to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storage.canonical import SHA256, Corrupt, Document, parse, sha256

MOST_FACTS = 32
TEXT = 500  # characters of a text; what is longer is cut off, and ends in …

Fact = str | int | bool


class Act(StrEnum):
    """What the log is told of. What happens to a ticket stands in the ticket's own events."""

    # sign-in and sessions; `about` is the address it came from
    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    LINK_MADE = "link_made"  # a one-time sign-in link; `about` is the user
    # accounts; `about` is the user
    USER_ADDED = "user_added"
    ROLE_CHANGED = "role_changed"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - an act, no password
    TOTP_ENABLED = "totp_enabled"
    TOTP_DISABLED = "totp_disabled"
    SESSIONS_ENDED = "sessions_ended"
    # API tokens; `about` is the owner, the facts hold the token's id
    TOKEN_ISSUED = "token_issued"  # noqa: S105
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    # models; `about` is the model
    POLICY_CHANGED = "policy_changed"
    VERSION_IMPORTED = "version_imported"
    VERSION_PROMOTED = "version_promoted"
    VERSION_ROLLED_BACK = "version_rolled_back"
    VERSION_DOWNLOADED = "version_downloaded"
    VERSION_DELETED = "version_deleted"
    FACE_SET_ADDED = "face_set_added"  # `about` is the face set
    # the record as a whole
    TICKETS_EXPORTED = "tickets_exported"
    AUDIT_EXPORTED = "audit_exported"
    LEDGER_VERIFIED = "ledger_verified"
    LEDGER_REBUILT = "ledger_rebuilt"


@dataclass(frozen=True)
class Entry:
    number: int  # from 1
    at: str  # ISO 8601, UTC
    actor: str
    act: str  # an Act; a later Lethe may know more of them
    about: str
    facts: dict[str, Fact]
    previous: str | None  # SHA-256 of the entry before
    digest: str  # SHA-256 of its own bytes: what the next one names

    @classmethod
    def parse(cls, data: bytes, name: str) -> Entry:
        """
        Raises:
            Corrupt: not an entry.
        """
        document = parse(data, name)
        try:
            form, number, previous = (document.pop(key) for key in ("format", "number", "previous"))
            at, actor, act, about, facts = (
                document.pop(key) for key in ("at", "actor", "act", "about", "facts")
            )
            aware = datetime.fromisoformat(at).tzinfo is not None
        except (KeyError, TypeError, ValueError):
            raise Corrupt(f"{name}: not an entry of the audit log") from None
        sound = aware and form == 1 and type(number) is int and number > 0 and not document
        sound = sound and all(isinstance(text, str) for text in (actor, act, about))
        sound = sound and isinstance(facts, dict) and _are_facts(facts)
        if not sound or not (previous is None or _is_digest(previous)):
            raise Corrupt(f"{name}: not an entry of the audit log")
        return cls(number, at, actor, act, about, facts, previous, sha256(data))

    @property
    def day(self) -> str:
        return self.at[:10]


def document(
    number: int,
    at: datetime,
    actor: str,
    act: Act,
    about: str,
    facts: Mapping[str, Fact],
    previous: str | None,
) -> Document:
    """An entry as it is kept; texts that came from outside are bounded and made printable."""
    kept = list(facts.items())[:MOST_FACTS]
    return {
        "format": 1,
        "number": number,
        "at": at.isoformat(timespec="milliseconds"),
        "actor": _text(actor),
        "act": str(act),
        "about": _text(about),
        "facts": {
            _text(key): _text(value) if isinstance(value, str) else value for key, value in kept
        },
        "previous": previous,
    }


def _text(text: str) -> str:
    """One line without control characters or half a UTF-16 pair, ``TEXT`` characters at most."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text[: TEXT + 1])
    return plain if len(plain) <= TEXT else f"{plain[: TEXT - 1]}…"


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def _are_facts(facts: Mapping[object, object]) -> bool:
    return all(
        isinstance(key, str) and isinstance(value, str | int | bool) for key, value in facts.items()
    )
