"""Tokens by which programs call the API. Of each the record keeps a digest, never the secret."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from redis import Redis

from storage import keys, names, object_names
from storage.accounts.users import Role, User, Users
from storage.audit.entry import Fact
from storage.audit.log import Act, AuditLog
from storage.canonical import Corrupt, Document
from storage.errors import BadInput
from storage.store.objects import ObjectMissing, ObjectStore

MAX_DAYS = 366
MOST = 50  # tokens of one user, expired ones too: what their page and `of` read
_USED_SECONDS = 400 * 24 * 3600  # longer than any token lives
# 64 hex digits are 256 random bits; no '-' in it, so that a double click selects all of it.
_SECRET = re.compile(r"lethe_([0-9a-hjkmnp-tv-z]{12})_[0-9a-f]{64}")
_NAME = re.compile(r"[^\W_][\w .,:/()'+-]{0,63}")


class Scope(StrEnum):
    """What a token is for. It never allows more than its owner's role does at the time."""

    READ = "read"
    SUBMIT = "tickets:submit"
    DECIDE = "tickets:decide"
    MODELS = "models:write"
    USERS = "users:write"
    AUDIT = "audit"


# What a role has no use for is not issued: a promotion must not widen tokens that lie about.
SCOPES: Mapping[Role, frozenset[Scope]] = {
    Role.REQUESTER: frozenset({Scope.READ, Scope.SUBMIT}),
    Role.APPROVER: frozenset({Scope.READ, Scope.SUBMIT, Scope.DECIDE, Scope.MODELS}),
    Role.AUDITOR: frozenset({Scope.READ, Scope.AUDIT}),
    Role.ADMIN: frozenset(Scope),
}


class BadToken(BadInput):
    """A token that cannot be issued or found."""


class NoSuchToken(BadToken):
    """The user has no token of this id, or no longer."""


@dataclass(frozen=True)
class ApiToken:
    id: str
    user: str  # its owner, with whose role it acts
    name: str  # what the owner calls it
    scopes: frozenset[Scope]
    issued_at: str  # ISO 8601, UTC
    issued_by: str
    expires_at: str  # ISO 8601, UTC
    sha256: str  # of the whole secret
    used_on: date | None = None  # the last day it was used; Redis alone knows it

    @property
    def expired(self) -> bool:
        return datetime.now(UTC) >= datetime.fromisoformat(self.expires_at)


class ApiTokens:
    def __init__(self, objects: ObjectStore, redis: Redis, users: Users, audit: AuditLog) -> None:
        self._objects = objects
        self._redis = redis
        self._users = users
        self._audit = audit

    def issue(
        self, user: str, name: str, scopes: Collection[Scope], days: int, actor: str
    ) -> tuple[ApiToken, str]:
        """A new token of ``user`` and its secret, which nobody can be shown again.

        Raises:
            BadToken: no such user, or a name, scopes or days that cannot be.
        """
        owner = self._owner(user)
        _check(owner, name, scopes, days)
        if len(self._ids(user)) >= MOST:
            raise BadToken(f"user {user}: has {MOST} API tokens already; revoke one that is unused")
        id_ = names.new_api_token_id()
        secret = f"lethe_{id_}_{secrets.token_hex(32)}"
        now = datetime.now(UTC).replace(microsecond=0)
        until = now + timedelta(days=days)
        token = ApiToken(
            id=id_,
            user=user,
            name=name,
            scopes=frozenset(scopes),
            issued_at=now.isoformat(),
            issued_by=actor,
            expires_at=until.isoformat(),
            sha256=_sha256(secret),
        )
        facts: dict[str, Fact] = {"token": id_, "scopes": _listed(token.scopes), "days": days}
        self._audit.write(actor, Act.TOKEN_ISSUED, user, facts)
        # Named among the owner's first: no token may work that no list shows.
        self._objects.put_document(object_names.api_token_of(user, id_), {"id": id_})
        self._objects.put_document(object_names.api_token(id_), _document(token))
        return token, secret

    def find(self, secret: str) -> ApiToken | None:
        """The token whose secret it is; None: unknown, expired, revoked, or of a disabled user."""
        found = self.bearer(secret)
        return found[0] if found else None

    def bearer(self, secret: str) -> tuple[ApiToken, User] | None:
        """As ``find``, with the token's owner as they are now. Reads two objects."""
        # Whatever else is sent as one never comes near a key.
        if len(secret) > 128 or not (match := _SECRET.fullmatch(secret)):
            return None
        token = self._get(match.group(1))
        if token is None or not hmac.compare_digest(token.sha256, _sha256(secret)):
            return None
        owner = self._users.get(token.user)
        if token.expired or owner is None or not owner.enabled:
            return None
        self._redis.set(keys.api_token_used(token.id), _today().isoformat(), ex=_USED_SECONDS)
        return token, owner

    def of(self, user: str) -> list[ApiToken]:
        """A user's tokens, expired ones too, the newest first, each with its last use."""
        found = [token for id_ in self._ids(user) if (token := self._get(id_))]
        if not found:
            return []
        used = self._redis.mget([keys.api_token_used(token.id) for token in found])
        shown = [_with_use(token, day) for token, day in zip(found, used, strict=True)]
        return sorted(shown, key=lambda token: (token.issued_at, token.id), reverse=True)

    def revoke(self, user: str, id_: str, actor: str) -> ApiToken:
        """Ends a token at once: what it was is in the audit log alone.

        Raises:
            NoSuchToken, BadName
        """
        token = self._get(names.api_token_id(id_))
        if token is None or token.user != names.user_name(user):
            raise NoSuchToken(
                f"API token {id_}: user {user} has none of this id; it may be revoked"
            )
        self._audit.write(actor, Act.TOKEN_REVOKED, user, {"token": id_})
        # The token first: the list must not lose one that still works.
        self._objects.remove_all(object_names.api_token(id_))
        self._objects.remove_all(object_names.api_token_of(user, id_))
        self._redis.delete(keys.api_token_used(id_))
        return token

    def _owner(self, user: str) -> User:
        owner = self._users.get(names.user_name(user))
        if owner is None or not owner.enabled:
            raise BadToken(f"user {user}: there is no such account, or it is disabled")
        return owner

    def _ids(self, user: str) -> list[str]:
        folder = object_names.api_tokens_of(names.user_name(user))
        return [
            name.removeprefix(folder).removesuffix(".json") for name in self._objects.names(folder)
        ]

    def _get(self, id_: str) -> ApiToken | None:
        name = object_names.api_token(id_)
        try:
            document = self._objects.get_document(name)
        except ObjectMissing:
            return None
        with suppress(KeyError, TypeError, ValueError, names.BadName):
            token = _token(document)
            if token.id == id_:
                return token
        raise Corrupt(f"{name}: not an API token")


def _check(owner: User, name: str, scopes: Collection[Scope], days: int) -> None:
    if not _NAME.fullmatch(name) or name != name.strip():
        raise BadToken(
            f"token name {name[:80]!r}: use 1 to 64 letters, digits, spaces and . , : / ( ) ' + - _"
        )
    if not scopes:
        raise BadToken(f"token {name}: choose at least one scope: {_listed(SCOPES[owner.role])}")
    if idle := set(scopes) - SCOPES[owner.role]:
        raise BadToken(
            f"token {name}: the role {owner.role} has no use for {_listed(idle)}; "
            f"choose of {_listed(SCOPES[owner.role])}"
        )
    if not 1 <= days <= MAX_DAYS:
        raise BadToken(f"token {name}: {days} days; a token lives for 1 to {MAX_DAYS}")


def _listed(scopes: Collection[Scope]) -> str:
    return ", ".join(scope for scope in Scope if scope in scopes)


def _document(token: ApiToken) -> Document:
    return {
        "id": token.id,
        "user": token.user,
        "name": token.name,
        "scopes": [str(scope) for scope in Scope if scope in token.scopes],
        "issued_at": token.issued_at,
        "issued_by": token.issued_by,
        "expires_at": token.expires_at,
        "sha256": token.sha256,
    }


def _token(document: Document) -> ApiToken:
    """
    Raises:
        KeyError, TypeError, ValueError, BadName: it is no token.
    """
    token = ApiToken(**document | {"scopes": frozenset(Scope(s) for s in document["scopes"])})
    names.user_name(token.user)
    if datetime.fromisoformat(token.expires_at).tzinfo is None or len(token.sha256) != 64:
        raise ValueError(token.id)
    return token


def _with_use(token: ApiToken, day: object) -> ApiToken:
    return replace(token, used_on=date.fromisoformat(str(day)) if day else None)


def _today() -> date:
    return datetime.now(UTC).date()


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
