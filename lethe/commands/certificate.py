"""`lethe certificate`: verify one, offline; print its schema; list the keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from lethe.commands.certificate_check import Presented, read_link
from lethe.stack.connection import connect
from storage.certificates.form import schema
from storage.certificates.signing import read_public_key

_FILE = click.Path(path_type=Path)


@click.group()
def certificate() -> None:
    """Certificates."""


@certificate.command("verify")
@click.argument("file", type=_FILE)
@click.option(
    "--key", "keys", required=True, multiple=True, type=_FILE, help="Public key, PEM; repeatable."
)
@click.option("--old", type=_FILE, help="Model file before, to compare.")
@click.option("--new", type=_FILE, help="Model file after, to compare.")
@click.option("--ticket", metavar="ID", help="The ticket that it must be about.")
@click.option("--policy", type=_FILE, metavar="P.toml", help="The policy that it must follow.")
@click.option(
    "--previous", multiple=True, type=_FILE, help="A certificate before it; again for each."
)
@click.option("--chain", type=_FILE, metavar="DIR", help="Folder with all of the model's.")
def verify_command(
    file: Path,
    keys: Sequence[Path],
    old: Path | None,
    new: Path | None,
    ticket: str | None,
    policy: Path | None,
    previous: Sequence[Path],
    chain: Path | None,
) -> None:
    """Check a certificate, and say what was checked; needs no server.

    With --previous or --chain also the links back to the model's import.
    """
    public = [read_public_key(key) for key in keys]
    shown = Presented(file, read_link(file, public))
    shown.say_itself()
    if ticket is not None:
        shown.check_ticket(ticket)
    shown.say_policy(policy)
    shown.say_model_files(old, new)
    shown.say_chain(previous, chain, public)


@certificate.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of a certificate: docs/certificate.schema.json."""
    click.echo(json.dumps(schema(), indent=2, sort_keys=True))


@certificate.command("keys")
def keys_command() -> None:
    """List the keys in the record, and from when to when each has signed."""
    uses = connect().certificates.key_uses()
    click.echo(f"{'key':16}  {'certificates':>12}  {'first':25}  last")
    for use in uses:  # whole lines, however narrow the terminal: they are compared and searched
        first, last = use.first or "–", use.last or "–"
        click.echo(f"{use.key_id:16}  {use.certificates:>12}  {first:25}  {last}")
