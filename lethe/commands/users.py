"""`lethe users`: accounts."""

from __future__ import annotations

import os

import click

from lethe.stack.connection import connect
from storage.users import Role


@click.group()
def users() -> None:
    """Accounts and their roles."""


@users.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice([str(role) for role in Role]), required=True)
def add_command(name: str, role: str) -> None:
    """Make an account; asks for the password, or takes it from LETHE_NEW_PASSWORD."""
    record = connect()
    password = os.environ.get("LETHE_NEW_PASSWORD") or click.prompt(
        "Password", hide_input=True, confirmation_prompt=True
    )
    user = record.users.add(name, Role(role), password)
    click.echo(f"{user.name} can sign in as {user.role}")
