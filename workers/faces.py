"""Faces of other people: face sets as crops, and what they say about a recogniser."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.canonical import canonical, sha256
from storage.errors import BadInput
from storage.faces.sets import FaceSet, read_folder
from storage.record import Record
from storage.uploads.images import Pixels
from workers.certification.crowd import Crowd
from workers.certification.evidence import looks_like
from workers.certification.templates import People
from workers.certification.thresholds import at_fmr
from workers.certification.verification.crops import decode_crop as decode_crop
from workers.metrics import faces_embedded
from workers.recognizer import Recognizer
from workers.unlearning.sample import sample

FMR = 1e-3


class TooFewFaces(BadInput):
    """A face set that is too small for what it is used for."""


@dataclass(frozen=True, eq=False)
class Faces:
    name: str
    digest: str
    people: Mapping[str, Pixels]  # person → (N, S, S, 3) RGB
    _kept: dict[str, dict[str, NDArray[np.float32]]] = field(default_factory=dict, repr=False)

    def without(self, subjects: Sequence[Pixels], recognizer: Recognizer) -> Faces:
        """Without the people who look like one of the subjects: nobody anchors himself."""
        people = self.templates(recognizer)
        gone = {name for crops in subjects for name in looks_like(recognizer.embed(crops), people)}
        if isinstance(self.people, Crowd):
            return Faces(self.name, self.digest, self.people.without(gone))
        kept = {name: crops for name, crops in self.people.items() if name not in gone}
        return Faces(self.name, self.digest, kept)

    def sampled(self, most: int) -> Faces:
        """At most so many faces of as many people as can be; see ``sample``."""
        return Faces(self.name, self.digest, sample(self.people, most))

    def threshold(self, recognizer: Recognizer) -> float:
        """Cosine at FMR 1e-3 between these people.

        Raises:
            TooFewFaces: too few comparisons to set it.
        """
        found = at_fmr(self.templates(recognizer), [FMR])[FMR]
        if found.value is None:
            raise TooFewFaces(f"faces {self.name}: {found.reason}; add people or photos")
        return found.value

    def templates(self, recognizer: Recognizer) -> People:
        if isinstance(self.people, Crowd):
            portraits = self.people.embedded(recognizer)
            return People.of({who: own.templates for who, own in portraits.items()})
        raw = self._embeddings(recognizer)
        return People.of({who: own / _norms(own)[:, None] for who, own in raw.items()})

    def norms(self, recognizer: Recognizer) -> NDArray[np.float32]:
        """Length of each face's embedding before normalisation, (N,)."""
        return np.concatenate([_norms(own) for own in self._embeddings(recognizer).values()])

    def _embeddings(self, recognizer: Recognizer) -> dict[str, NDArray[np.float32]]:
        # Asked for several times in a run, and embedding takes most of the time.
        if recognizer.sha256 not in self._kept:
            output = recognizer.file.output_name
            faces_embedded.inc(sum(len(crops) for crops in self.people.values()))
            self._kept[recognizer.sha256] = {
                who: recognizer.features(output, crops).reshape(len(crops), -1)
                for who, crops in self.people.items()
            }
        return self._kept[recognizer.sha256]


def _norms(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.linalg.norm(embeddings, axis=1), dtype=np.float32)


def load_face_set(
    record: Record,
    name: str,
    size: int,
    before_each: Callable[[], object] = lambda: None,
    most: int | None = None,
) -> Faces:
    """A kept face set, decoded to crops of ``size`` pixels a side.

    ``before_each`` is called before a person is read; what it raises comes out of here. Of more
    faces than ``most`` a sample is read alone, the one that ``Faces.sampled`` takes.

    Raises:
        NoSuchFaceSet
        NoPeople: it holds pairs and not who is in them.
        BadPhoto: a face has another size.
    """
    return read_face_set(record, record.faces.get(name), size, before_each, most)


def read_face_set(
    record: Record,
    found: FaceSet,
    size: int,
    before_each: Callable[[], object] = lambda: None,
    most: int | None = None,
) -> Faces:
    """``load_face_set`` of one whose index is read.

    Raises:
        NoPeople, BadPhoto
    """
    found.check_people()
    chosen: Mapping[str, Any] = {who: np.array(own) for who, own in found.people.items()}
    if most is not None:
        chosen = sample(chosen, most)
    people = {}
    for person, digests in chosen.items():
        before_each()
        photos = (record.faces.photo(found, person, str(digest)) for digest in digests)
        people[person] = _stack(
            ((f"face set {found.name}, {person}", data) for data in photos), size
        )
    return Faces(found.name, found.digest, people)


def read_faces(root: Path, size: int) -> Faces:
    """The faces in a folder that holds one folder per person.

    Raises:
        BadInput: no such folder, or nothing in it.
        BadPhoto: a file is no picture, or has another size than the recogniser's input.
    """
    files = read_folder(root)
    people = {
        person: _stack(((str(path), path.read_bytes()) for path in paths), size)
        for person, paths in files.items()
    }
    index = {person: [sha256(crop.tobytes()) for crop in crops] for person, crops in people.items()}
    return Faces(root.name, sha256(canonical(index)), people)


def _stack(photos: Iterable[tuple[str, bytes]], size: int) -> Pixels:
    return np.stack([decode_crop(data, name, size) for name, data in photos])
