"""`lethe models`: add, list, pull, promote, roll back, settle, delete."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from lethe.stack.connection import connect
from lethe.terminal import console
from storage.models.desk import ModelDesk
from storage.models.registry import ALIASES, Approval, Model
from storage.record import Record


@click.group()
def models() -> None:
    """Models and their versions."""


@models.command("add")
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--reference", help="Face set that holds other people in place while unlearning.")
@click.option("--benchmark", help="Face set of yet other people that judges what was kept.")
@click.option(
    "--verification",
    multiple=True,
    metavar="SET",
    help="Face set with pairs (a .bin, or LFW with pairs.txt) that every version is measured on; "
    "again for each.",
)
def add_command(
    name: str,
    path: Path,
    reference: str | None,
    benchmark: str | None,
    verification: Sequence[str],
) -> None:
    """Import the recognition model in PATH as NAME."""
    record = connect()
    sets = record.settings.reference_faces, record.settings.benchmark_faces
    pairs = tuple(dict.fromkeys(verification))
    add_model(record, Model(name, reference or sets[0], benchmark or sets[1], pairs), path)
    click.echo(f"{name}@1 is current")


def add_model(record: Record, model: Model, path: Path) -> None:
    """As ``workers.add_model``, by whoever is at this terminal."""
    from workers import add_model as adding

    adding.add_model(record, model, path, getpass.getuser())


@models.command("list")
def list_command() -> None:
    """Show every model's versions and aliases."""
    record = connect()
    found = record.models.all()
    if not found:
        click.echo("no models yet: add one with `lethe models add NAME MODEL.onnx`")
        return
    table = Table("model", "version", "aliases", "made by", "created", "digest", box=None)
    for model in found:
        aliases = record.models.aliases(model.name)
        deleted = record.models.deleted(model.name)
        for version in record.models.versions(model.name):
            named = ", ".join(
                alias for alias, number in aliases.items() if number == version.number
            )
            made = f"{len(version.tickets)} ticket(s)" if version.tickets else "import"
            if version.number in deleted:
                named = "deleted"
            table.add_row(
                model.name,
                str(version.number),
                named,
                made,
                version.created_at,
                version.digest[:12],
            )
    console.print(table)


@models.command("pull")
@click.argument("reference", metavar="NAME[@ALIAS|@N]")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
def pull_command(reference: str, out: Path) -> None:
    """Write a version's files into a folder, checked against its manifest."""
    record = connect()
    version = record.models.find(reference)
    path = record.models.pull(version, out)
    click.echo(f"{version.model}@{version.number} is in {path}")


@models.command("promote")
@click.argument("name")
@click.argument("number", type=int, metavar="N")
def promote_command(name: str, number: int) -> None:
    """Make version N the current one."""
    ModelDesk(connect()).promote(name, number, getpass.getuser())
    click.echo(f"{name}@{number} is current")


@models.command("rollback")
@click.argument("name")
def rollback_command(name: str) -> None:
    """Make the version that the current one was made from current again.

    The people whom the current version forgot are recognised again.
    """
    number = ModelDesk(connect()).rollback(name, getpass.getuser()).number
    click.echo(f"{name}@{number} is current; whom later versions forgot is recognised again")


@models.command("policy")
@click.argument("name")
@click.option(
    "--approval",
    type=click.Choice([item.value for item in Approval]),
    help="Who approves its tickets.",
)
@click.option("--publish-as", type=click.Choice(ALIASES), help="What a certified version becomes.")
def policy_command(name: str, approval: str | None, publish_as: str | None) -> None:
    """Show how a model's tickets are approved and its versions published, or change it."""
    record = connect()
    record.models.get(name)
    if approval or publish_as:
        ModelDesk(record).settle(name, getpass.getuser(), approval=approval, publish_as=publish_as)
    policy = record.models.policy(name)
    click.echo(f"{name}: approval is {policy.approval}; versions become {policy.publish_as}")


@models.command("delete")
@click.argument("name")
@click.argument("number", type=int, metavar="N")
@click.option("--reason", required=True, help="Stays on record; name no subject.")
def delete_command(name: str, number: int, reason: str) -> None:
    """Delete the files of version N for good; its manifest stays, for the chain."""
    ModelDesk(connect()).delete(name, number, getpass.getuser(), reason)
    click.echo(f"{name}@{number} is deleted; its manifest stays")
