"""`lethe tokens`: what programs call the API with."""

from __future__ import annotations

import getpass
from collections.abc import Sequence

import click
from rich.table import Table

from lethe.stack.connection import connect
from lethe.terminal import console
from storage.accounts.api_tokens import MAX_DAYS, Scope


@click.group()
def tokens() -> None:
    """API tokens of users: issue, list, revoke."""


@tokens.command("issue")
@click.argument("user")
@click.option("--name", required=True, help="What uses it and where: nightly export on server 3.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([str(scope) for scope in Scope]),
    multiple=True,
    required=True,
    help="What it may do, and never more than its owner's role; again for each.",
)
@click.option("--days", type=click.IntRange(1, MAX_DAYS), default=90, show_default=True)
def issue_command(user: str, name: str, scopes: Sequence[str], days: int) -> None:
    """Issue a token of USER. Its secret is the one line on standard output, shown this once."""
    chosen = [Scope(scope) for scope in scopes]
    token, secret = connect().api_tokens.issue(user, name, chosen, days, getpass.getuser())
    click.echo(
        f"token {token.id} of {user}, until {token.expires_at[:10]}; keep it secret:", err=True
    )
    click.echo(secret)


@tokens.command("list")
@click.argument("user")
def list_command(user: str) -> None:
    """List the tokens of USER, the newest first."""
    record = connect()
    found = record.api_tokens.of(record.users.find(user).name)
    if not found:
        click.echo(f"{user} has no API tokens: lethe tokens issue {user} --name NAME --scope SCOPE")
        return
    table = Table("id", "name", "scopes", "issued", "expires", "last used", box=None)
    for token in found:
        scopes = ", ".join(scope for scope in Scope if scope in token.scopes)
        expires = f"{token.expires_at[:10]}{' (expired)' if token.expired else ''}"
        used = token.used_on.isoformat() if token.used_on else "never"
        table.add_row(token.id, token.name, scopes, token.issued_at[:10], expires, used)
    console.print(table)


@tokens.command("revoke")
@click.argument("user")
@click.argument("id_", metavar="ID")
def revoke_command(user: str, id_: str) -> None:
    """Revoke a token of USER: it opens nothing any more."""
    token = connect().api_tokens.revoke(user, id_, getpass.getuser())
    click.echo(f"revoked {token.id} ({token.name}) of {user}")
