"""`lethe tickets`: submit, show, list, and what people do with a ticket."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from lethe.remote import RemoteDesk
from lethe.stack.connection import connect
from lethe.terminal import console, progress_bar
from lethe.ticket_desk import LocalDesk, Submission, TicketDesk, Wanted
from storage.errors import BadInput
from storage.tickets.events import Event
from storage.tickets.request import LegalGround
from storage.tickets.states import ENDED, State
from storage.tickets.ticket import Ticket

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


def with_desk(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command its desk: of the server that is named, else of the installation beside it."""

    @click.option(
        "--server",
        envvar="LETHE_SERVER",
        metavar="URL",
        help="Another machine's Lethe, by its API. Default: LETHE_SERVER, else this machine's.",
    )
    @click.option(
        "--token",
        envvar="LETHE_TOKEN",
        help="Your API token there. Others on this machine see it; LETHE_TOKEN they do not.",
    )
    @click.option(
        "--token-file",
        envvar="LETHE_TOKEN_FILE",
        type=click.Path(path_type=Path),
        help="A file that holds the token.",
    )
    @functools.wraps(command)
    def run(
        *given: Any, server: str | None, token: str | None, token_file: Path | None, **options: Any
    ) -> None:
        desk: TicketDesk = (
            RemoteDesk(server, _token(token, token_file)) if server else LocalDesk(connect())
        )
        command(*given, desk=desk, **options)

    return run


def _token(token: str | None, file: Path | None) -> str:
    if token or file is None:
        return token or ""
    try:
        with file.open(encoding="ascii") as opened:
            return opened.readline(1000)
    except (OSError, UnicodeDecodeError):
        raise BadInput(f"{file}: no file with an API token that can be read") from None


@tickets.command("submit")
@click.option("--model", required=True)
@click.option(
    "--photos",
    "source",
    type=click.Path(path_type=Path),
    help="A folder, or a zip, tar, tar.gz or tar.xz file.",
)
@click.option("--face-set", default="", help="In place of photos: where the person is enrolled.")
@click.option("--person", default="", help="As the face set names them.")
@click.option("--subject", required=True, help="An opaque reference; never a name.")
@click.option(
    "--legal-ground",
    type=click.Choice([str(ground) for ground in LegalGround]),
    default=str(LegalGround.CONSENT_WITHDRAWN),
    show_default=True,
)
@click.option("--deadline", type=click.DateTime(["%Y-%m-%d"]), help="Default: in one month.")
@with_desk
def submit_command(
    model: str,
    source: Path | None,
    face_set: str,
    person: str,
    subject: str,
    legal_ground: str,
    deadline: datetime | None,
    desk: TicketDesk,
) -> None:
    """Submit a ticket with the photos in a folder or an archive, or of an enrolled person."""
    if bool(source) == bool(face_set and person) or bool(face_set) != bool(person):
        raise BadInput("give --photos, or --face-set and --person")
    due = deadline.date() if deadline else None
    ground = LegalGround(legal_ground)
    ticket = desk.submit(Submission(model, subject, ground, due, source, face_set, person))
    click.echo(f"{ticket.id} is accepted and kept; approve it with `lethe tickets approve`")


@tickets.command("show")
@click.argument("ticket")
@click.option("--follow", is_flag=True, help="Stay until the ticket has ended or waits for you.")
@with_desk
def show_command(ticket: str, follow: bool, desk: TicketDesk) -> None:
    """Show a ticket and its events."""
    if follow:
        follow_ticket(desk, ticket)
    show_ticket(*desk.show(ticket))


def follow_ticket(desk: TicketDesk, ticket: str) -> None:
    """Shows live progress until the ticket has ended or waits for somebody."""
    with progress_bar(ticket) as bar:
        while (shown := desk.progress(ticket)).state not in WAITS_FOR_PEOPLE:
            text = f"{shown.state}: {shown.text}" if shown.text else str(shown.state)
            bar.show(shown.fraction, text)
            time.sleep(POLL_SECONDS)
        bar.show(1.0, str(shown.state))


def show_ticket(ticket: Ticket, events: Sequence[Event]) -> None:
    console.print(f"{ticket.id}: {ticket.state}, subject {ticket.subject}, model {ticket.model}")
    console.print(f"{ticket.photos} photos; due {ticket.deadline}, {ticket.days_left} days left")
    for event in events:
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
@with_desk
def list_command(
    state: str | None,
    model: str | None,
    limit: int,
    after: str | None,
    archived: bool,
    desk: TicketDesk,
) -> None:
    """List tickets, the newest first."""
    chosen = State(state) if state else None
    found = desk.recent(Wanted(chosen, model, limit, after, archived))
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
