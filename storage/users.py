"""Local accounts and their roles. Passwords are kept as argon2id hashes (RFC 9106)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from storage import keys, names
from storage.canonical import Corrupt
from storage.errors import BadInput
from storage.objects import ObjectMissing, ObjectStore

MIN_PASSWORD = 12  # characters; NIST SP 800-63B asks for at least 8
MAX_PASSWORD = 256  # bounds the hashing of what a stranger sends

_hasher = PasswordHasher()
# Verified against when the user does not exist, so that the answer takes as long.
_NOBODY = _hasher.hash("nobody's password, never accepted")


class Role(StrEnum):
    REQUESTER = "requester"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMIN = "admin"


class BadUser(BadInput):
    """An account that cannot be made or found."""


@dataclass(frozen=True)
class User:
    name: str
    role: Role
    password_hash: str


class Users:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def add(self, name: str, role: Role, password: str) -> User:
        """
        Raises:
            BadUser: the name is taken, or the password is too short or too long.
        """
        if self._objects.exists(keys.user(names.user_name(name))):
            raise BadUser(f"user {name}: exists already; choose another name")
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise BadUser(f"password: use {MIN_PASSWORD} to {MAX_PASSWORD} characters")
        user = User(name, role, _hasher.hash(password))
        self._objects.put_document(keys.user(name), asdict(user) | {"role": str(role)})
        return user

    def get(self, name: str) -> User | None:
        """
        Raises:
            Corrupt: what is kept under the name is not that user's account.
        """
        try:
            document = self._objects.get_document(keys.user(names.user_name(name)))
        except (ObjectMissing, names.BadName):
            return None
        try:
            user = User(document["name"], Role(document["role"]), document["password_hash"])
            user.password_hash.encode("ascii")
        except (AttributeError, KeyError, ValueError):
            user = None
        if user is None or user.name != name:
            raise Corrupt(f"{keys.user(name)}: not an account")
        return user

    def authenticate(self, name: str, password: str) -> User | None:
        """The user, when the password is theirs. Takes as long when there is no such user."""
        user = self.get(name) if len(password) <= MAX_PASSWORD else None
        try:
            _hasher.verify(user.password_hash if user else _NOBODY, password[:MAX_PASSWORD])
        except (VerificationError, InvalidHashError):
            return None
        return user

    def any(self) -> bool:
        return next(iter(self._objects.names("users/")), None) is not None
