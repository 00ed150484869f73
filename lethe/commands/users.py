"""`lethe users`: accounts, from the machine itself."""

from __future__ import annotations

import getpass
import os

import click
from rich.table import Table

from lethe.stack.connection import connect
from lethe.stack.stack import DEFAULT_PORT
from lethe.terminal import console
from storage.accounts.desk import AccountDesk
from storage.accounts.users import Role, User

_ROLES = click.Choice([str(role) for role in Role])


@click.group()
def users() -> None:
    """Accounts and their roles."""


@users.command("add")
@click.argument("name")
@click.option("--role", type=_ROLES, required=True)
def add_command(name: str, role: str) -> None:
    """Make an account; asks for the password, or takes it from LETHE_NEW_PASSWORD."""
    desk = _desk()
    password = os.environ.get("LETHE_NEW_PASSWORD") or click.prompt(
        "Password", hide_input=True, confirmation_prompt=True
    )
    user = desk.add(name, Role(role), password, getpass.getuser())
    click.echo(f"{user.name} can sign in as {user.role}")


@users.command("list")
def list_command() -> None:
    """List the accounts."""
    record = connect()
    names = record.users.names()
    if not names:
        click.echo("no users; make the first one: lethe users add NAME --role admin")
        return
    last = record.sessions.last_sign_ins(names)
    table = Table("name", "role", "account", "second factor", "last sign-in", box=None)
    table.columns[0].overflow = "fold"  # a name that is cut short is no name
    for user in (found for name in names if (found := record.users.get(name))):
        factor = "on" if user.totp else "off"
        seen = last.get(user.name, "")[:16].replace("T", " ")  # to the minute, UTC
        table.add_row(user.name, str(user.role), _state(user), factor, seen)
    console.print(table)


@users.command("role")
@click.argument("name")
@click.argument("role", type=_ROLES)
def role_command(name: str, role: str) -> None:
    """Change an account's role."""
    user = _desk().change_role(name, Role(role), getpass.getuser())
    click.echo(f"{user.name} is {user.role} now")


@users.command("disable")
@click.argument("name")
def disable_command(name: str) -> None:
    """Let nobody in by an account, and end its sessions."""
    user = _desk().disable(name, getpass.getuser())
    click.echo(f"{user.name} is disabled; `lethe users enable {user.name}` undoes it")


@users.command("enable")
@click.argument("name")
def enable_command(name: str) -> None:
    """Let an account in again."""
    user = _desk().enable(name, getpass.getuser())
    click.echo(f"{user.name} can sign in as {user.role}")


@users.command("link")
@click.argument("name")
@click.option(
    "--url",
    envvar="LETHE_PUBLIC_URL",
    default=f"http://127.0.0.1:{DEFAULT_PORT}",
    show_default=True,
    help="Where people open the pages.",
)
def link_command(name: str, url: str) -> None:
    """Print a link that works once, for an hour; its reader chooses a new password."""
    token = _desk().link(name, getpass.getuser())
    click.echo(f"{url.rstrip('/')}/sign-in/link/{token}")


@users.command("reset-second-factor")
@click.argument("name")
def reset_command(name: str) -> None:
    """For a user who lost the app and the recovery codes; their sessions end."""
    user = _desk().reset_second_factor(name, getpass.getuser())
    click.echo(f"{user.name} signs in by password alone, until they set up a new second factor")


@users.command("end-sessions")
@click.argument("name")
def end_sessions_command(name: str) -> None:
    """Sign a user out everywhere."""
    ended = _desk().end_sessions(name, getpass.getuser())
    click.echo(f"{name}: {ended} session{'' if ended == 1 else 's'} ended")


def _desk() -> AccountDesk:
    return AccountDesk(connect())


def _state(user: User) -> str:
    if not user.enabled:
        return "disabled"
    if user.external:
        return "by provider"
    return "enabled" if user.password_hash else "no password yet"
