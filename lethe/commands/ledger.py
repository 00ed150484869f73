"""`lethe ledger`: is the record intact, and Redis made anew from it."""

from __future__ import annotations

import getpass

import click

from lethe.stack.connection import connect
from storage.audit.log import Act
from storage.ledger import Audit


class LedgerBroken(click.ClickException):
    """Something in the record is missing or altered."""

    exit_code = 1


@click.group()
def ledger() -> None:
    """The record: verify every link, or rebuild Redis from it."""


@ledger.command("verify")
def verify_command() -> None:
    """Walk all tickets, versions, aliases and certificates, and the audit log."""
    _say(connect().ledger.verify_for(getpass.getuser()))


@ledger.command("rebuild")
def rebuild_command() -> None:
    """Write Redis's index anew from the object store, then verify."""
    record = connect()
    rebuilt = record.ledger.rebuild()
    record.audit.mention(
        getpass.getuser(), Act.LEDGER_REBUILT, "record", {"broken": len(rebuilt.broken)}
    )
    _say(rebuilt)


def _say(audit: Audit) -> None:
    click.echo(
        f"walked {audit.tickets} tickets, {audit.versions} versions, {audit.aliases} aliases, "
        f"{audit.certificates} certificates, {audit.entries} entries of the audit log"
    )
    if audit.broken:
        raise LedgerBroken(f"{len(audit.broken)} broken:\n" + "\n".join(audit.broken))
    click.echo("every link holds")
