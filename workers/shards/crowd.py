"""A kept face set as a crowd: embedded by all workers, its photos read when they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from storage.canonical import Corrupt
from storage.faces.sets import FaceSet
from storage.record import Record
from storage.uploads.images import Pixels
from workers.certification.crowd import Crowd, Portraits
from workers.certification.templates import Embedder
from workers.faces import Faces, read_face_set
from workers.recognizer import Recognizer
from workers.shards.arrays import Arrays
from workers.shards.division import Division
from workers.shards.embedding import person_crops


@dataclass(frozen=True)
class Album:
    """One person's crops, (N, S, S, 3), which numpy reads when it looks at them."""

    count: int
    read: Callable[[], Pixels]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, which: Any) -> Any:
        return self.read()[which]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        return np.array(self.read(), dtype=dtype, copy=copy)


def benchmark_of(division: Division, name: str, size: int) -> Faces:
    """A kept face set as crops of ``size`` pixels a side: a crowd, if it is more than one shard.

    Raises:
        NoSuchFaceSet, NoPeople, BadPhoto
    """
    found = division.kept.faces.get(name)
    if not division.divides(found.photos):
        return read_face_set(division.kept, found, size, division.go_on)
    found.check_people()
    return Faces(found.name, found.digest, KeptCrowd(division, found, size))


class KeptCrowd(Crowd):
    def __init__(
        self,
        division: Division,
        faces: FaceSet,
        size: int,
        names: tuple[str, ...] | None = None,
        known: dict[str, dict[str, Portraits]] | None = None,
    ) -> None:
        self._division, self._faces, self._size = division, faces, size
        self._names = dict.fromkeys(tuple(faces.people) if names is None else names)
        self._known = {} if known is None else known  # version → person → portraits, of everybody

    def __getitem__(self, name: str) -> Pixels:
        if name not in self._names:
            raise KeyError(name)
        kept: Record = self._division.kept

        def read() -> Pixels:
            return person_crops(kept, self._faces, name, self._size)

        return cast(Pixels, Album(len(self._faces.people[name]), read))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def without(self, names: Collection[str]) -> KeptCrowd:
        left = tuple(name for name in self._names if name not in names)
        return KeptCrowd(self._division, self._faces, self._size, left, self._known)

    def embedded(
        self, version: Embedder, progress: Callable[[float], object] = lambda _: None
    ) -> Mapping[str, Portraits]:
        """
        Raises:
            Corrupt: the shards' results do not fit the face set.
        """
        if version.sha256 not in self._known:
            if not isinstance(version, Recognizer):
                raise TypeError(f"{type(version).__name__}: only a recogniser can be lent")
            parts = self._division.embed(version, self._faces.name, progress)
            self._known[version.sha256] = _by_person(self._faces, parts)
        everybody = self._known[version.sha256]
        return {name: everybody[name] for name in self._names}


def _by_person(faces: FaceSet, parts: Iterator[Arrays]) -> dict[str, Portraits]:
    found: dict[str, Portraits] = {}
    people = iter(faces.people.items())
    for part in parts:
        templates, pictures, pooled = part["templates"], part["pictures"], part.get("pooled")
        first = 0
        while first < len(templates):
            name, photos = next(people)
            rows = slice(first, first + len(photos))
            found[name] = Portraits(
                templates[rows],
                None if pooled is None else pooled[rows],
                tuple(digest.tobytes() for digest in pictures[rows]),
            )
            first += len(photos)
    if len(found) != len(faces.people) or sum(len(own.templates) for own in found.values()) != (
        faces.photos
    ):
        raise Corrupt(f"face set {faces.name}: its shards have other faces than it has")
    return found
