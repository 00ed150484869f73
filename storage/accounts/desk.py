"""What people do with accounts, their own and others'. Pages, API and CLI all call it.

Each act stands in the audit log before it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from storage.accounts import passwords
from storage.accounts.passwords import BadPassword
from storage.accounts.roles import Role
from storage.accounts.second_factor import Offer
from storage.accounts.users import BadUser, User
from storage.audit.log import Act
from storage.record import Record


class AccountDesk:
    def __init__(self, record: Record) -> None:
        self._record = record

    def add(self, name: str, role: Role, password: str | None, actor: str) -> User:
        """A new account; without a password it is entered by a one-time link.

        Raises:
            BadUser, BadName, BadPassword
        """
        self._record.users.check_new(name, password)
        self._record.audit.write(actor, Act.USER_ADDED, name, {"role": str(role)})
        return self._record.users.add(name, role, password)

    def link(self, name: str, actor: str) -> str:
        """The token of a one-time link, whose reader chooses a new password and is signed in.

        Raises:
            NoSuchUser
            BadUser: the account is disabled, or belongs to an OpenID provider.
        """
        user = self._record.users.find(name)
        if user.external:
            raise BadUser(f"user {name}: signs in by the OpenID provider and has no password here")
        if not user.enabled:
            raise BadUser(f"user {name}: is disabled; enable the account first")
        self._record.audit.write(actor, Act.LINK_MADE, name)
        return self._record.sign_in_links.make(name, sets_password=True)

    def change_role(self, name: str, role: Role, actor: str) -> User:
        """Takes effect with the user's next click.

        Raises:
            NoSuchUser, LastAdmin
        """

        def changed(user: User) -> User:
            if role is not Role.ADMIN:
                self._record.users.keep_an_admin(user)
            if user.role is not role:
                facts = {"from": str(user.role), "to": str(role)}
                self._record.audit.write(actor, Act.ROLE_CHANGED, name, facts)
            return replace(user, role=role)

        return self._record.users.change(name, changed)

    def disable(self, name: str, actor: str) -> User:
        """Nobody gets in by the account any more: its sessions end, its tokens are refused.

        Raises:
            NoSuchUser, LastAdmin
        """

        def changed(user: User) -> User:
            self._record.users.keep_an_admin(user)
            if user.enabled:
                self._record.audit.write(actor, Act.USER_DISABLED, name)
            return replace(user, enabled=False)

        user = self._record.users.change(name, changed)
        self._record.sessions.end_all(name)
        return user

    def enable(self, name: str, actor: str) -> User:
        def changed(user: User) -> User:
            if not user.enabled:
                self._record.audit.write(actor, Act.USER_ENABLED, name)
            return replace(user, enabled=True)

        return self._record.users.change(name, changed)

    def end_sessions(self, name: str, actor: str, but: str | None = None) -> int:
        """Ends a user's sessions, but for the one whose id is ``but``. Returns how many."""
        self._record.users.find(name)
        self._record.audit.write(actor, Act.SESSIONS_ENDED, name, {"all": but is None})
        return self._record.sessions.end_all(name, but)

    def end_session(self, name: str, session: str) -> None:
        """One of the user's own.

        Raises:
            BadUser: there is no such session.
        """
        if session not in {found.id for found in self._record.sessions.of(name)}:
            raise BadUser("session: it has ended already")
        self._record.audit.write(name, Act.SESSIONS_ENDED, name, {"all": False})
        self._record.sessions.end(name, session)

    def change_password(self, name: str, old: str, new: str, but: str | None = None) -> None:
        """The user's own password; their other sessions end.

        Args:
            old: the present one; not looked at where none was chosen yet.

        Raises:
            BadPassword: the old one is wrong, or the new one cannot be.
        """
        user = self._record.users.find(name)
        if user.external:
            raise BadPassword("password: you sign in by the OpenID provider; change it there")
        if user.password_hash and not passwords.verify(user.password_hash, old):
            raise BadPassword("old password: it is wrong")
        self.set_password(name, new, name, but)

    def set_password(self, name: str, new: str, actor: str, but: str | None = None) -> User:
        """By whoever holds a one-time link; the user's other sessions end.

        Raises:
            NoSuchUser, BadPassword
        """
        passwords.check(name, new)
        made = passwords.hashed(new)  # slow on purpose, so before anybody is made to wait

        def changed(user: User) -> User:
            self._record.audit.write(actor, Act.PASSWORD_CHANGED, name)
            return replace(user, password_hash=made)

        user = self._record.users.change(name, changed)
        self._record.sessions.end_all(name, but)
        return user

    def enable_second_factor(self, name: str, offer: Offer, code: str) -> list[str]:
        """Ten recovery codes, to be shown once.

        Raises:
            WrongCode, BadSecondFactor
        """
        factors = self._record.second_factors
        return self._with_codes(name, lambda user: factors.enable(user, offer, code))

    def renew_recovery_codes(self, name: str, code: str) -> list[str]:
        """Ten new ones for a code of the app; the old ones are worth nothing any more.

        Raises:
            WrongCode, BadSecondFactor
        """
        factors = self._record.second_factors
        return self._with_codes(name, lambda user: factors.renew(factors.spend(user, code)))

    def disable_second_factor(self, name: str, code: str) -> User:
        """One's own, for a code of it.

        Raises:
            WrongCode, BadSecondFactor
        """

        def changed(user: User) -> User:
            self._record.second_factors.spend(user, code)
            self._record.audit.write(name, Act.TOTP_DISABLED, name)
            return replace(user, totp=None)

        return self._record.users.change(name, changed)

    def reset_second_factor(self, name: str, actor: str) -> User:
        """For a user who lost the device and the recovery codes; their sessions end.

        Raises:
            NoSuchUser
            BadUser: there is none.
        """

        def changed(user: User) -> User:
            if user.totp is None:
                raise BadUser(f"user {name}: has no second factor")
            self._record.audit.write(actor, Act.TOTP_DISABLED, name)
            return replace(user, totp=None)

        user = self._record.users.change(name, changed)
        self._record.sessions.end_all(name)
        return user

    def _with_codes(self, name: str, step: Callable[[User], tuple[User, list[str]]]) -> list[str]:
        codes: list[str] = []

        def changed(user: User) -> User:
            made, found = step(user)
            codes.extend(found)
            self._record.audit.write(name, Act.TOTP_ENABLED, name, {"recovery_codes": len(found)})
            return made

        self._record.users.change(name, changed)
        return codes
