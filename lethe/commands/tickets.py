"""`lethe tickets`: submit, show, list, and what people do with a ticket."""

from __future__ import annotations

import getpass
import time
from datetime import datetime
from pathlib import Path

import click
from rich.table import Table

from lethe.stack.connection import connect
from lethe.terminal import console, progress_bar
from storage.archives import Limits, is_archive, photos_in
from storage.desk import Desk
from storage.errors import BadInput
from storage.faces import read_photos
from storage.photos import Photo
from storage.queue import Queue
from storage.record import Record
from storage.request import LegalGround, Request, default_deadline
from storage.settings import Settings
from storage.states import ENDED, State
from storage.ticket import Ticket

POLL_SECONDS = 0.3
WAITS_FOR_PEOPLE = ENDED | {
    State.SUBMITTED,
    State.NEEDS_PHOTOS,
    State.NEEDS_REVIEW,
    State.FAILED,
}


@click.group()
def tickets() -> None:
    """Tickets: one request each to erase one subject from one model."""


@tickets.command("submit")
@click.option("--model", required=True)
@click.option(
    "--photos",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help="A folder, or a zip, tar, tar.gz or tar.xz file.",
)
@click.option("--subject", required=True, help="An opaque reference; never a name.")
@click.option(
    "--legal-ground",
    type=click.Choice([str(ground) for ground in LegalGround]),
    default=str(LegalGround.CONSENT_WITHDRAWN),
    show_default=True,
)
@click.option("--deadline", type=click.DateTime(["%Y-%m-%d"]), help="Default: in one month.")
def submit_command(
    model: str, source: Path, subject: str, legal_ground: str, deadline: datetime | None
) -> None:
    """Submit a ticket with the photos in a folder or an archive."""
    record = connect()
    photos = given_photos(source, record.settings)
    due = deadline.date() if deadline else default_deadline(record.settings.deadline_days)
    request = Request(model, subject, LegalGround(legal_ground), due, len(photos))
    ticket = desk(record).submit(request, photos, getpass.getuser())
    click.echo(f"{ticket.id} is accepted and kept; approve it with `lethe tickets approve`")


@tickets.command("show")
@click.argument("ticket")
@click.option("--follow", is_flag=True, help="Stay until the ticket has ended or waits for you.")
def show_command(ticket: str, follow: bool) -> None:
    """Show a ticket and its events."""
    record = connect()
    if follow:
        follow_ticket(record, ticket)
    show_ticket(record, record.tickets.load(ticket))


def follow_ticket(record: Record, ticket: str) -> Ticket:
    """Shows live progress until the ticket has ended or waits for somebody."""
    with progress_bar(ticket) as bar:
        while (found := record.tickets.get(ticket)).state not in WAITS_FOR_PEOPLE:
            progress = record.progress.read(ticket)
            if progress and progress.stage == found.state:
                bar.show(progress.fraction, f"{found.state}: {progress.text}")
            else:
                bar.show(0.0, str(found.state))
            time.sleep(POLL_SECONDS)
        bar.show(1.0, str(found.state))
    return found


def show_ticket(record: Record, ticket: Ticket) -> None:
    console.print(f"{ticket.id}: {ticket.state}, subject {ticket.subject}, model {ticket.model}")
    console.print(f"{ticket.photos} photos; due {ticket.deadline}, {ticket.days_left} days left")
    for event in record.tickets.events(ticket.id):
        note = f"  {event.data['note']}" if event.data.get("note") else ""
        what = (event.notice or event.state).replace("_", " ")
        console.print(f"  {event.at}  {what:<15}  {event.actor}{note}")
    for sentence in ticket.result.get("summary", []):
        console.print(sentence)


@tickets.command("list")
@click.option("--state", type=click.Choice([str(state) for state in State]))
@click.option("--model")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--after", metavar="ID", help="Those that follow on this ticket: the next page.")
@click.option("--archived", is_flag=True, help="Those that have left the lists.")
def list_command(
    state: str | None, model: str | None, limit: int, after: str | None, archived: bool
) -> None:
    """List tickets, the newest first."""
    kept = connect().tickets
    chosen = State(state) if state else None
    if archived:
        found = kept.archived(limit)
    else:
        found = kept.recent(model=model, state=chosen, limit=limit, after=after)
    if not found:
        click.echo("no tickets")
        return
    table = Table("ticket", "state", "model", "subject", "days left", "submitted", box=None)
    for ticket in found:
        left = str(ticket.days_left) if ticket.open else ""
        table.add_row(
            ticket.id, str(ticket.state), ticket.model, ticket.subject, left, ticket.submitted_at
        )
    console.print(table)
    if len(found) == limit and not archived:
        click.echo(f"the next ones: --after {found[-1].id}")


def desk(record: Record) -> Desk:
    return Desk(record, Queue(record.settings))


def given_photos(source: Path, settings: Settings) -> list[Photo]:
    if source.is_dir():
        return [Photo(path.name, path.read_bytes()) for path in read_photos(source)]
    if not is_archive(source.name) or not source.is_file():
        raise BadInput(
            f"{source}: not a folder, and no archive; give one that holds the subject's photos"
        )
    with source.open("rb") as file:
        return photos_in(file, str(source), Limits.of(settings))
