"""`lethe tickets`: what people do with one: approve, deny, cancel, retry, extend and so on."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from lethe.commands.tickets import tickets, with_desk
from lethe.ticket_desk import TicketDesk
from storage.tickets.ticket import Ticket

__all__ = ["tickets"]  # with the steps


@tickets.command("approve")
@click.argument("ticket")
@with_desk
def approve_command(ticket: str, desk: TicketDesk) -> None:
    """Approve a ticket: its work begins."""
    _say(desk.approve(ticket))


@tickets.command("deny")
@click.argument("ticket")
@click.option("--reason", required=True)
@with_desk
def deny_command(ticket: str, reason: str, desk: TicketDesk) -> None:
    """Deny a ticket; its photos are removed."""
    _say(desk.deny(ticket, reason))


@tickets.command("cancel")
@click.argument("ticket")
@click.option("--reason", default="")
@with_desk
def cancel_command(ticket: str, reason: str, desk: TicketDesk) -> None:
    """Cancel a ticket; its photos are removed."""
    _say(desk.cancel(ticket, reason))


@tickets.command("retry")
@click.argument("ticket")
@with_desk
def retry_command(ticket: str, desk: TicketDesk) -> None:
    """Put a failed or refused ticket back to work."""
    _say(desk.retry(ticket))


@tickets.command("add-photos")
@click.argument("ticket")
@click.option(
    "--photos",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help="A folder, or a zip, tar, tar.gz or tar.xz file.",
)
@with_desk
def add_photos_command(ticket: str, source: Path, desk: TicketDesk) -> None:
    """Give more photos to a ticket that needs them; its work goes on."""
    moved = desk.add_photos(ticket, source)
    click.echo(f"{moved.id} is {moved.state}, with {moved.photos} photos")


@tickets.command("extend")
@click.argument("ticket")
@click.option("--deadline", type=click.DateTime(["%Y-%m-%d"]), required=True)
@click.option("--reason", required=True, help="The data subject is owed it: GDPR Art. 12(3).")
@with_desk
def extend_command(ticket: str, deadline: datetime, reason: str, desk: TicketDesk) -> None:
    """Put a ticket's deadline off: to three months after its submission at most."""
    moved = desk.extend(ticket, deadline.date(), reason)
    click.echo(f"{moved.id} is due {moved.deadline}, {moved.days_left} days left")


@tickets.command("archive")
@click.argument("ticket")
@click.option("--reason", default="")
@with_desk
def archive_command(ticket: str, reason: str, desk: TicketDesk) -> None:
    """Take an ended ticket out of the lists; the record keeps it."""
    desk.archive(ticket, reason)
    click.echo(f"{ticket} is in no list any more; `lethe tickets list --archived` shows it")


@tickets.command("restore")
@click.argument("ticket")
@click.option("--reason", default="")
@with_desk
def restore_command(ticket: str, reason: str, desk: TicketDesk) -> None:
    """Put an archived ticket back into the lists."""
    desk.restore(ticket, reason)
    click.echo(f"{ticket} is in the lists again")


def _say(ticket: Ticket) -> None:
    click.echo(f"{ticket.id} is {ticket.state}")
