"""`lethe faces`: face sets of other people."""

from __future__ import annotations

from pathlib import Path

import click

from lethe.stack.connection import connect
from storage.faces import FaceSet, read_folder
from storage.images import decode
from storage.record import Record


@click.group()
def faces() -> None:
    """Face sets: other people's faces, to hold in place and to judge."""


@faces.command("add")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
def add_command(name: str, folder: Path) -> None:
    """Keep the faces in FOLDER as NAME: one folder per person, or LFW's layout."""
    found = add_face_set(connect(), name, folder)
    click.echo(f"{name}: {len(found.people)} people, {found.photos} faces, {found.digest[:12]}")


def add_face_set(record: Record, name: str, folder: Path) -> FaceSet:
    """Checks every file before the first is kept.

    Raises:
        BadPhoto, BadInput
    """
    config = record.settings
    people: dict[str, list[bytes]] = {}
    for person, paths in read_folder(folder).items():
        people[person] = [path.read_bytes() for path in paths]
        for path, data in zip(paths, people[person], strict=True):
            decode(data, str(path), max_bytes=config.photo_bytes, max_pixels=config.photo_pixels)
    return record.faces.add(name, people)
