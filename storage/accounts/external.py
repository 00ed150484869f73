"""Accounts whose owners an OpenID provider vouches for: made and kept as its claims say."""

from __future__ import annotations

from dataclasses import replace

from storage import names
from storage.accounts.roles import Role
from storage.accounts.users import BadUser, User
from storage.audit.entry import Fact
from storage.audit.log import Act
from storage.canonical import sha256
from storage.record import Record


class NotAdmitted(BadUser):
    """The provider knows the person, but no account here may be theirs."""


def admit(record: Record, name: str, role: Role, issuer: str, subject: str) -> User:
    """The account of whoever signed in at the provider, with the role that they have there now.

    Made where there is none. It belongs to the provider's ``subject``, not to whoever bears the
    name: names are given away again (OpenID Connect Core, 5.7).

    Raises:
        NotAdmitted: the name is somebody else's, or the account is disabled.
        LastAdmin: the provider takes the role from the only admin; nothing is changed.
        BadName: the provider's name cannot be one here.
    """
    owner = sha256(f"{issuer}\n{subject}".encode())
    user = record.users.get(names.user_name(name))
    if user is None:
        names.new_user_name(name)
        record.audit.write(name, Act.USER_ADDED, name, {"role": str(role), "external": True})
        return record.users.add(name, role, None, external=owner)
    _check(user, owner)
    if user.role is role:
        return user

    def changed(found: User) -> User:
        _check(found, owner)
        if role is not Role.ADMIN:
            record.users.keep_an_admin(found)
        facts: dict[str, Fact] = {"from": str(found.role), "to": str(role), "external": True}
        record.audit.write(name, Act.ROLE_CHANGED, name, facts)
        return replace(found, role=role)

    return record.users.change(name, changed)


def _check(user: User, owner: str) -> None:
    """
    Raises:
        NotAdmitted
    """
    if not user.external:
        raise NotAdmitted(
            f"user {user.name}: there is a local account of this name already, and it may be "
            "somebody else's; sign in with its password, or have an administrator sort it out"
        )
    if user.external != owner:
        raise NotAdmitted(
            f"user {user.name}: this name belonged to somebody else at the sign-in provider; "
            "have an administrator sort it out"
        )
    if not user.enabled:
        raise NotAdmitted(f"user {user.name}: the account is disabled; ask an administrator")
