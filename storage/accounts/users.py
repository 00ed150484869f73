"""Local accounts and their roles, one document each in the object store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from redis import Redis

from storage import keys, names, object_names
from storage.accounts import passwords
from storage.accounts.roles import Role as Role  # an account and its role are asked for together
from storage.canonical import SHA256, Corrupt, Document
from storage.errors import BadInput
from storage.locks import held
from storage.store.objects import ObjectExists, ObjectMissing, ObjectStore, StoreUnavailable

LOCK_SECONDS = 5.0  # a killed process holds up the next change of an account for so long


class BadUser(BadInput):
    """An account that cannot be made or changed."""


class NoSuchUser(BadUser):
    """There is no account of this name."""


class LastAdmin(BadUser):
    """Without this account nobody could manage the others."""


@dataclass(frozen=True)
class Totp:
    """A second factor (RFC 6238)."""

    secret: str  # sealed by ``storage.accounts.second_factor``
    step: int  # of 30 s since the epoch, whose code was used last: none is taken twice
    recovery: tuple[str, ...]  # SHA-256 of the recovery codes that are left


@dataclass(frozen=True)
class User:
    name: str
    role: Role
    password_hash: str  # "" until the user has chosen one
    enabled: bool = True
    totp: Totp | None = None
    external: str = ""  # SHA-256 of whom an OpenID provider says it is; "": a local account

    @property
    def runs_the_house(self) -> bool:
        return self.enabled and self.role is Role.ADMIN


class Users:
    def __init__(self, objects: ObjectStore, redis: Redis) -> None:
        self._objects = objects
        self._redis = redis

    def add(self, name: str, role: Role, password: str | None, external: str = "") -> User:
        """
        Args:
            password: None for an account that is entered by a one-time link at first.
            external: whose it is at an OpenID provider.

        Raises:
            BadUser: the name is taken.
            BadName, BadPassword
        """
        self.check_new(name, password)
        kept = "" if password is None else passwords.hashed(password)
        user = User(name, role, kept, external=external)
        try:
            self._objects.put_new(object_names.user(name), _document(user))
        except ObjectExists:
            raise _taken(name) from None
        return user

    def check_new(self, name: str, password: str | None) -> None:
        """
        Raises:
            BadUser, BadName, BadPassword: as ``add`` would.
        """
        if self._objects.exists(object_names.user(names.new_user_name(name))):
            raise _taken(name)
        if password is not None:
            passwords.check(name, password)

    def get(self, name: str) -> User | None:
        """
        Raises:
            Corrupt: what is kept under the name is not that user's account.
        """
        try:
            return self._read(names.user_name(name))[1]
        except (NoSuchUser, names.BadName):
            return None

    def find(self, name: str) -> User:
        """
        Raises:
            NoSuchUser, Corrupt
        """
        if (user := self.get(name)) is None:
            raise _none(name)
        return user

    def names(self) -> list[str]:
        """Of all accounts, in order."""
        found = self._objects.names(object_names.USERS)
        return [name.removeprefix(object_names.USERS).removesuffix(".json") for name in found]

    def any(self) -> bool:
        return next(iter(self._objects.names(object_names.USERS)), None) is not None

    def authenticate(self, name: str, password: str) -> User | None:
        """The user, when the password is theirs. Takes as long when there is no such user."""
        user = self.get(name) if len(password) <= passwords.MAX_PASSWORD else None
        right = passwords.verify(user.password_hash if user else "", password)
        return user if user and right and user.enabled else None

    def change(self, name: str, changed: Callable[[User], User]) -> User:
        """Writes what ``changed`` makes of the account, one change at a time.

        ``changed`` is called with nobody else changing accounts, just before the write.

        Raises:
            NoSuchUser, Corrupt
            LastAdmin: no admin would be left who can sign in.
            StoreUnavailable: the store is too slow; try again.
            QueueUnavailable
        """
        with held(self._redis, keys.USERS_LOCK, LOCK_SECONDS) as lock:
            document, user = self._read(names.user_name(name))
            made = changed(user)
            if made == user:
                return user
            if not lock.owned():
                raise StoreUnavailable(
                    f"{object_names.user(name)}: the store was too slow; try again"
                )
            # What a later Lethe added to the document stays in it.
            self._objects.put_document(object_names.user(name), {**document, **_document(made)})
            return made

    def keep_an_admin(self, user: User) -> None:
        """To be called by what takes an admin away, inside of ``change``.

        Raises:
            LastAdmin
        """
        others = (self.get(name) for name in self.names() if name != user.name)
        if user.runs_the_house and not any(other and other.runs_the_house for other in others):
            raise LastAdmin(
                f"user {user.name}: is the last admin who can sign in; make another one first"
            )

    def _read(self, name: str) -> tuple[Document, User]:
        try:
            document = self._objects.get_document(object_names.user(name))
        except ObjectMissing:
            raise _none(name) from None
        try:
            user = _user(document)
        except (AttributeError, KeyError, TypeError, ValueError):
            user = None
        if user is None or user.name != name:
            raise Corrupt(f"{object_names.user(name)}: not an account")
        return document, user


def _taken(name: str) -> BadUser:
    return BadUser(f"user {name}: exists already; choose another name")


def _none(name: str) -> NoSuchUser:
    return NoSuchUser(f"user {name[:64]!r}: there is none; `lethe users list` names all")


def _document(user: User) -> Document:
    totp = user.totp and {
        "secret": user.totp.secret,
        "step": user.totp.step,
        "recovery": list(user.totp.recovery),
    }
    return {
        "name": user.name,
        "role": str(user.role),
        "password_hash": user.password_hash,
        "enabled": user.enabled,
        "totp": totp,
        "external": user.external,
    }


def _user(document: Document) -> User:
    """Reads older documents, too: they hold name, role and password_hash alone."""
    user = User(document["name"], Role(document["role"]), document["password_hash"])
    user.password_hash.encode("ascii")
    enabled, totp = document.get("enabled", True), document.get("totp")
    if not isinstance(enabled, bool):
        raise ValueError(enabled)
    external = str(document.get("external", ""))
    if external and not SHA256.fullmatch(external):
        raise ValueError(external)
    second = None if totp is None else _totp(totp)
    return replace(user, enabled=enabled, totp=second, external=external)


def _totp(document: Document) -> Totp:
    found = Totp(document["secret"], document["step"], tuple(document["recovery"]))
    found.secret.encode("ascii")
    sound = all(isinstance(code, str) and SHA256.fullmatch(code) for code in found.recovery)
    if not sound or type(found.step) is not int:
        raise ValueError("no second factor")
    return found
