"""`lethe faces`: face sets of other people."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lethe.stack.connection import connect
from storage.audit.log import Act
from storage.errors import BadInput
from storage.faces.sets import FaceSet, Pair, read_folder
from storage.record import Record
from storage.settings import Settings
from storage.uploads.images import decode

if TYPE_CHECKING:
    from workers.certification.verification import PairList


@click.group()
def faces() -> None:
    """Face sets: other people's faces, to hold in place and to judge."""


@faces.command("add")
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
def add_command(name: str, path: Path) -> None:
    """Keep the faces in PATH as NAME.

    PATH is a folder that holds one folder per person, or one in LFW's layout with pairs.txt
    beside the people, or a verification benchmark as InsightFace packs it (lfw.bin). Pictures
    are crops, aligned as the recogniser wants them. A .bin does not say who is in its pictures:
    it only serves as a verification benchmark.
    """
    record = connect()
    found = add_face_set(record, name, path)
    record.audit.mention(
        getpass.getuser(),
        Act.FACE_SET_ADDED,
        name,
        {"people": len(found.people), "photos": found.photos, "digest": found.digest},
    )
    held = f"{len(found.people)} people" if found.people else "people not named"
    pairs = "" if found.pairs is None else f", {len(found.pairs)} pairs"
    click.echo(f"{name}: {held}, {found.photos} faces{pairs}, {found.digest[:12]}")


def add_face_set(record: Record, name: str, path: Path) -> FaceSet:
    """Checks every file before the first is kept.

    Raises:
        BadPhoto, BadVerification, BadInput
    """
    from workers.certification.verification import Kind, kind_of, read_pair_list

    kind = kind_of(path)
    if kind is Kind.TEMPLATES:
        raise BadInput(
            f"{path}: template lists are not kept as a face set; "
            "give one folder per person, a folder with pairs.txt, or an InsightFace .bin"
        )
    listed = read_pair_list(path)
    pairs = None if listed is None else _pairs(listed)
    if listed is not None and kind is Kind.BIN:
        return record.faces.add(name, {}, pairs, _pictures(listed, record.settings))
    return record.faces.add(name, _people(path, record.settings), pairs)


def _people(folder: Path, config: Settings) -> dict[str, list[bytes]]:
    people: dict[str, list[bytes]] = {}
    for person, paths in read_folder(folder).items():
        people[person] = [path.read_bytes() for path in paths]
        for path, data in zip(paths, people[person], strict=True):
            _check(data, str(path), config)
    return people


def _pictures(listed: PairList, config: Settings) -> Sequence[bytes]:
    pictures = [listed.read(row) for row in range(len(listed.photos))]
    for data, name in zip(pictures, listed.names, strict=True):
        _check(data, name, config)
    return pictures


def _check(data: bytes, name: str, config: Settings) -> None:
    decode(data, name, max_bytes=config.photo_bytes, max_pixels=config.photo_pixels)


def _pairs(listed: PairList) -> list[Pair]:
    return [
        Pair(listed.photos[first], listed.photos[second], bool(mated), int(fold))
        for (first, second), mated, fold in zip(
            listed.pairs, listed.mated, listed.folds, strict=True
        )
    ]
