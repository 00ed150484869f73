"""Users: who has an account, and which role."""

from __future__ import annotations

from flask import url_for
from pydantic import Field

from storage.accounts.desk import AccountDesk
from storage.accounts.users import Role, User
from web.accounts.signed_in import me
from web.api.contract import Resource
from web.api.fields import Document, Name, Next, Sent
from web.api.pages import NameQuery, by_name
from web.services import record

resource = Resource("Users", "Who has an account, and which role.")


class UserDocument(Document):
    name: Name
    role: Role
    enabled: bool
    second_factor: bool

    @classmethod
    def of(cls, user: User) -> UserDocument:
        return cls(
            name=user.name,
            role=user.role,
            enabled=user.enabled,
            second_factor=user.totp is not None,
        )


class UserPage(Document):
    items: list[UserDocument]
    next: Next


class NewUser(Sent):
    name: Name
    role: Role


class UserChange(Sent):
    """What is left out stays as it is."""

    role: Role | None = None
    enabled: bool | None = Field(None, description="false ends the sessions; tokens are refused.")


class LinkDocument(Document):
    address: str = Field(description="Works once: a password is chosen there. Hand it on safely.")


@resource.get("/users", answer=UserPage, query=NameQuery, also=("Link",))
def list_users(query: NameQuery) -> tuple[UserPage, dict[str, str]]:
    """List users, by name."""
    shown, address, headers = by_name(record().users.names(), query)
    found = [record().users.get(name) for name in shown]
    return UserPage(items=[UserDocument.of(user) for user in found if user], next=address), headers


@resource.post("/users", answer=UserDocument, status=201, body=NewUser, also=("Location",))
def add_user(body: NewUser) -> tuple[UserDocument, dict[str, str]]:
    """Add a user without a password; a sign-in link lets them choose one."""
    user = AccountDesk(record()).add(body.name, body.role, None, me().name)
    return UserDocument.of(user), {"Location": url_for("api.show_user", user=user.name)}


@resource.get("/users/<user>", answer=UserDocument)
def show_user(user: str) -> UserDocument:
    """Show a user."""
    return UserDocument.of(record().users.find(user))


@resource.patch("/users/<user>", answer=UserDocument, body=UserChange)
def change_user(user: str, body: UserChange) -> UserDocument:
    """Change a user's role, or disable or enable the account; the last admin stays one."""
    desk, found = AccountDesk(record()), record().users.find(user)
    if body.role is not None:
        found = desk.change_role(user, body.role, me().name)
    if body.enabled is not None:
        found = (desk.enable if body.enabled else desk.disable)(user, me().name)
    return UserDocument.of(found)


@resource.post("/users/<user>/sign-in-link", answer=LinkDocument, status=201, problems=(400,))
def make_link(user: str) -> LinkDocument:
    """Make a one-time sign-in link for a user."""
    token = AccountDesk(record()).link(user, me().name)
    return LinkDocument(address=url_for("sign_in.link", token=token))
