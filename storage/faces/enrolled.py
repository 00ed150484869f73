"""People who are enrolled in a face set: found by name, and their photos for a ticket."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from storage import names
from storage.errors import BadInput
from storage.faces.sets import FaceSet, FaceSets
from storage.models.known import KnownModels
from storage.settings import Settings
from storage.tickets.photos import Photo

FOUND = 20  # people that one search gives
KEPT_SECONDS = 600.0  # a face set is never changed, but it may be removed
KEPT_PHOTOS = 200_000  # of all sets that are kept, by digest: some 25 megabytes


class NotEnrolled(BadInput):
    """There is no such person, or their photos cannot be used for this model."""


@dataclass(frozen=True)
class _Kept:
    until: float  # by the monotonic clock
    faces: FaceSet
    people: Sequence[str]  # sorted


class EnrolledPeople:
    def __init__(self, faces: FaceSets, models: KnownModels, settings: Settings) -> None:
        self._faces = faces
        self._models = models
        self._settings = settings
        self._kept: dict[str, _Kept] = {}  # the one read last at the end
        self._lock = threading.Lock()

    def search(self, face_set: str, start: str) -> list[str]:
        """People of a face set of whose name a word begins with ``start``, at most ``FOUND``.

        Raises:
            NoSuchFaceSet, NoPeople
        """
        wanted, kept = start.strip().casefold()[:128], self._get(face_set)
        kept.faces.check_people()
        people = (who for who in kept.people if _begins(who.casefold(), wanted))
        return list(islice(people, FOUND))

    def photos(self, model: str, face_set: str, person: str) -> list[Photo]:
        """The photos of one person, as many as a ticket takes, named by the set and a number.

        Raises:
            NotEnrolled, NoSuchFaceSet, NoPeople, NoSuchModel
            Corrupt: a photo is not the one that the set was made of.
        """
        found = self._get(face_set).faces
        found.check_people()
        names.person_name(person)
        if person not in found.people:
            raise NotEnrolled(f"face set {face_set}: has no such person; choose one of the list")
        self._check_apart(model, found, person)
        digests = found.people[person][: self._settings.photos_per_ticket]
        return [
            Photo(f"{face_set}-{number:03}.jpg", self._faces.photo(found, person, digest), True)
            for number, digest in enumerate(digests, start=1)
        ]

    def _check_apart(self, model: str, found: FaceSet, person: str) -> None:
        """Whom a run holds in place, or judges the others by, it cannot forget.

        Raises:
            NotEnrolled
        """
        its = self._models.get(model)
        photos = set(found.people[person])
        for use, name in (("reference", its.reference_faces), ("benchmark", its.benchmark_faces)):
            own = self._get(name).faces
            if any(photos.intersection(digests) for digests in own.people.values()):
                raise NotEnrolled(
                    f"this person is in face set {name}, the {use} faces of model {model}: upload "
                    "other photos of them instead; the run then leaves them out of those faces"
                )

    def _get(self, face_set: str) -> _Kept:
        """
        Raises:
            NoSuchFaceSet, Corrupt
        """
        kept = self._kept.get(face_set)
        if kept and time.monotonic() < kept.until:
            return kept
        found = self._faces.get(face_set)
        kept = _Kept(time.monotonic() + KEPT_SECONDS, found, sorted(found.people, key=str.casefold))
        with self._lock:
            self._kept.pop(face_set, None)
            while self._kept and found.photos + self._photos() > KEPT_PHOTOS:
                del self._kept[next(iter(self._kept))]
            self._kept[face_set] = kept
        return kept

    def _photos(self) -> int:
        return sum(kept.faces.photos for kept in self._kept.values())


def _begins(name: str, start: str) -> bool:
    return name.startswith(start) or any(
        word.startswith(start) for word in name.replace("_", " ").replace("-", " ").split()
    )
