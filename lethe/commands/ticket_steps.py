"""`lethe tickets`: what people do with one: approve, deny, cancel, retry, extend and so on."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path

import click

from lethe.commands.tickets import desk, given_photos, tickets

__all__ = ["tickets"]  # with the steps
from lethe.stack.connection import connect
from storage.ticket import Ticket


@tickets.command("approve")
@click.argument("ticket")
def approve_command(ticket: str) -> None:
    """Approve a ticket: its work begins."""
    _say(desk(connect()).approve(ticket, getpass.getuser()))


@tickets.command("deny")
@click.argument("ticket")
@click.option("--reason", required=True)
def deny_command(ticket: str, reason: str) -> None:
    """Deny a ticket; its photos are removed."""
    _say(desk(connect()).deny(ticket, getpass.getuser(), reason))


@tickets.command("cancel")
@click.argument("ticket")
@click.option("--reason", default="")
def cancel_command(ticket: str, reason: str) -> None:
    """Cancel a ticket; its photos are removed."""
    _say(desk(connect()).cancel(ticket, getpass.getuser(), reason))


@tickets.command("retry")
@click.argument("ticket")
def retry_command(ticket: str) -> None:
    """Put a failed or refused ticket back to work."""
    _say(desk(connect()).retry(ticket, getpass.getuser()))


@tickets.command("add-photos")
@click.argument("ticket")
@click.option(
    "--photos",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help="A folder, or a zip, tar, tar.gz or tar.xz file.",
)
def add_photos_command(ticket: str, source: Path) -> None:
    """Give more photos to a ticket that needs them; its work goes on."""
    record = connect()
    photos = given_photos(source, record.settings)
    moved = desk(record).add_photos(ticket, photos, getpass.getuser())
    click.echo(f"{moved.id} is {moved.state}, with {moved.photos} photos")


@tickets.command("extend")
@click.argument("ticket")
@click.option("--deadline", type=click.DateTime(["%Y-%m-%d"]), required=True)
@click.option("--reason", required=True, help="The data subject is owed it: GDPR Art. 12(3).")
def extend_command(ticket: str, deadline: datetime, reason: str) -> None:
    """Put a ticket's deadline off: to three months after its submission at most."""
    moved = desk(connect()).extend(ticket, deadline.date(), getpass.getuser(), reason)
    click.echo(f"{moved.id} is due {moved.deadline}, {moved.days_left} days left")


@tickets.command("archive")
@click.argument("ticket")
@click.option("--reason", default="")
def archive_command(ticket: str, reason: str) -> None:
    """Take an ended ticket out of the lists; the record keeps it."""
    desk(connect()).archive(ticket, getpass.getuser(), reason)
    click.echo(f"{ticket} is in no list any more; `lethe tickets list --archived` shows it")


@tickets.command("restore")
@click.argument("ticket")
@click.option("--reason", default="")
def restore_command(ticket: str, reason: str) -> None:
    """Put an archived ticket back into the lists."""
    desk(connect()).restore(ticket, getpass.getuser(), reason)
    click.echo(f"{ticket} is in the lists again")


def _say(ticket: Ticket) -> None:
    click.echo(f"{ticket.id} is {ticket.state}")
