"""`lethe up`: the whole thing on this machine."""

from __future__ import annotations

import time
from pathlib import Path

import click

from lethe.stack.installation import DEFAULT_DATA, Installation
from lethe.stack.process import ProcessDied
from lethe.stack.stack import DEFAULT_PORT, Stack, running
from lethe.terminal import console
from storage.accounts.users import Role
from storage.record import Record
from web.accounts.sign_in import make_sign_in_link_token

ADMIN = "admin"
WATCH_SECONDS = 1.0

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=DEFAULT_DATA,
    envvar="LETHE_DATA",
    show_default=True,
    help="Folder that keeps everything.",
)
port_option = click.option(
    "--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True
)


@click.command()
@data_option
@port_option
def up(data: Path, port: int) -> None:
    """Run Redis, S3, the workers and the web application until Ctrl-C."""
    installation = Installation.open(data)
    console.print(f"Starting Lethe; its data is in {installation.folder}")
    with running(installation, port) as stack:
        say_where(stack)
        console.print("Commands in another terminal find it: `lethe models list`. Ctrl-C stops it.")
        stay(stack)


def say_where(stack: Stack) -> None:
    console.print(f"\nAdmin page   {stack.url}")
    console.print(f"Sign in      {sign_in_link(stack)}")
    console.print("             (works once, for an hour; `lethe users add` makes accounts)\n")


def sign_in_link(stack: Stack) -> str:
    """A link that signs the first admin in, once. Makes that account when there is none."""
    record = Record.open()
    if record.users.get(ADMIN) is None:
        # Without a password: it is entered by a link, until the admin chooses one.
        record.users.add(ADMIN, Role.ADMIN, None)
    return f"{stack.url}/sign-in/link/{make_sign_in_link_token(record.redis, ADMIN)}"


def stay(stack: Stack) -> None:
    """Returns at Ctrl-C.

    Raises:
        ProcessDied: a part of the stack ended by itself.
    """
    try:
        while (dead := stack.dead()) is None:
            time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        console.print("\nStopping …")
        return
    raise ProcessDied(f"{dead.name} ended by itself: {dead.last_line()}; see {dead.log}")
