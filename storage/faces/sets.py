"""Face sets: other people's faces, one folder a person, named by one digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage import names, object_names
from storage.canonical import SHA256, Corrupt, canonical, sha256
from storage.errors import BadInput
from storage.store.objects import ObjectMissing, ObjectStore

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
NOBODY = "unknown"  # the folder of photos whose person is not known; such a set has no people


class NoSuchFaceSet(BadInput):
    """There is no face set of this name."""


class NoPeople(BadInput):
    """A face set that holds pairs of photos and does not say who is in them."""


@dataclass(frozen=True)
class Pair:
    """One comparison of a verification benchmark; photos are named by their SHA-256."""

    first: str
    second: str
    mated: bool
    fold: int  # from 0


@dataclass(frozen=True)
class FaceSet:
    name: str
    digest: str  # SHA-256 of its index: names every photo of every person
    people: dict[str, tuple[str, ...]]  # person → SHA-256 of each photo; empty where not known
    pairs: tuple[Pair, ...] | None = None  # of a verification benchmark, in its order

    @property
    def photos(self) -> int:
        if self.people or self.pairs is None:
            return sum(len(photos) for photos in self.people.values())
        return len({photo for pair in self.pairs for photo in (pair.first, pair.second)})

    def check_people(self) -> None:
        """
        Raises:
            NoPeople: it cannot serve as reference or benchmark faces.
        """
        if not self.people:
            raise NoPeople(
                f"face set {self.name}: holds pairs and not who is in them, so it only serves as "
                "a verification benchmark; reference and benchmark faces need a folder per person"
            )


class FaceSets:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def add(
        self,
        name: str,
        people: Mapping[str, Sequence[bytes]],
        pairs: Sequence[Pair] | None = None,
        unnamed: Iterable[bytes] = (),
    ) -> FaceSet:
        """Keeps a face set; photos are JPEG, PNG or WebP files that were checked before.

        ``unnamed`` are the photos of ``pairs`` where nobody knows whose they are.

        Raises:
            BadInput: it exists already, with other faces.
        """
        index = _index(name, people, pairs)
        if self._objects.exists(object_names.face_set(name)):
            found = self.get(name)
            if found.digest == sha256(canonical(index)):
                return found
            raise BadInput(f"face set {name}: exists already with other faces; choose another name")
        for person, photos in (*people.items(), (NOBODY, unnamed)):
            for photo in photos:
                self._objects.put(
                    object_names.face(name, person, sha256(photo)), photo, "image/jpeg"
                )
        self._objects.put_document(object_names.face_set(name), index)
        return self.get(name)

    def get(self, name: str) -> FaceSet:
        """
        Raises:
            NoSuchFaceSet, Corrupt
        """
        try:
            document = self._objects.get_document(object_names.face_set(names.face_set_name(name)))
        except ObjectMissing:
            raise NoSuchFaceSet(
                f"face set {name}: there is none; add it with `lethe faces add {name} FOLDER`"
            ) from None
        try:
            people = _people(document["people"])
            pairs = _pairs(document["pairs"]) if "pairs" in document else None
            return FaceSet(name, sha256(canonical(document)), people, pairs)
        except (AttributeError, KeyError, TypeError, ValueError, names.BadName):
            raise Corrupt(f"{object_names.face_set(name)}: not the index of a face set") from None

    def photos(self, face_set: FaceSet, person: str) -> Iterator[bytes]:
        for digest in face_set.people[person]:
            yield self.photo(face_set, person, digest)

    def photo(self, face_set: FaceSet, person: str, digest: str) -> bytes:
        """One photo; ``person`` is ``NOBODY`` in a set without people.

        Raises:
            ObjectMissing, Corrupt
        """
        return self._objects.get(object_names.face(face_set.name, person, digest), digest)


def _index(
    name: str, people: Mapping[str, Sequence[bytes]], pairs: Sequence[Pair] | None
) -> dict[str, Any]:
    """What names a face set: format 1 has people, format 2 a verification list too."""
    index: dict[str, Any] = {
        "format": 1 if pairs is None else 2,
        "name": names.face_set_name(name),
        "people": {
            names.person_name(person): sorted({sha256(photo) for photo in photos})
            for person, photos in people.items()
        },
    }
    if pairs is not None:
        index["pairs"] = [[pair.first, pair.second, pair.mated, pair.fold] for pair in pairs]
    return index


def _people(people: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """
    Raises:
        AttributeError, TypeError, ValueError, BadName: they are none.
    """
    for person, photos in people.items():
        names.person_name(person)
        if not isinstance(photos, list) or not all(SHA256.fullmatch(photo) for photo in photos):
            raise ValueError
    return {person: tuple(photos) for person, photos in people.items()}


def _pairs(rows: list[list[Any]]) -> tuple[Pair, ...]:
    """
    Raises:
        TypeError, ValueError: they are none.
    """
    pairs = tuple(Pair(*row) for row in rows)
    for pair in pairs:
        if not (SHA256.fullmatch(pair.first) and SHA256.fullmatch(pair.second)):
            raise ValueError
        if not isinstance(pair.mated, bool) or type(pair.fold) is not int:
            raise TypeError
    return pairs


def read_folder(root: Path) -> dict[str, list[Path]]:
    """Photo files below ``root``, one folder per person (LFW's layout is the same).

    Links are followed: these are the files of whoever runs the command.

    Raises:
        BadInput: not a folder, or no folder of photos in it.
    """
    if not root.is_dir():
        raise BadInput(f"{root}: not a folder; give one that holds a folder of photos per person")
    people = {
        folder.name: read_photos(folder)
        for folder in sorted(root.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
    }
    people = {person: photos for person, photos in people.items() if photos}
    if not people:
        raise BadInput(f"{root}: holds no folder of photos; one folder per person is needed")
    return people


def read_photos(folder: Path) -> list[Path]:
    """Picture files right in ``folder``, by name."""
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()
    )
