"""People who are enrolled in a face set: found by name, and their photos for a ticket."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice

from storage import names
from storage.errors import BadInput
from storage.faces import FaceSet, FaceSets
from storage.models import Models
from storage.photos import Photo
from storage.settings import Settings

FOUND = 20  # people that one search gives
KEPT_SECONDS = 600.0  # a face set is never changed, but it may be removed
KEPT_SETS = 8  # of 10,000 people each, some megabytes


class NotEnrolled(BadInput):
    """There is no such person, or their photos cannot be used for this model."""


class EnrolledPeople:
    def __init__(self, faces: FaceSets, models: Models, settings: Settings) -> None:
        self._faces = faces
        self._models = models
        self._settings = settings
        self._names: dict[str, tuple[float, Sequence[str]]] = {}  # set → until when, people

    def search(self, face_set: str, start: str) -> list[str]:
        """People of a face set of whose name a word begins with ``start``, at most ``FOUND``.

        Raises:
            NoSuchFaceSet, NoPeople
        """
        wanted = start.strip().casefold()[:128]
        people = (who for who in self._people(face_set) if _begins(who.casefold(), wanted))
        return list(islice(people, FOUND))

    def photos(self, model: str, face_set: str, person: str) -> list[Photo]:
        """The photos of one person, as many as a ticket takes, named by the set and a number.

        Raises:
            NotEnrolled, NoSuchFaceSet, NoPeople, NoSuchModel
            Corrupt: a photo is not the one that the set was made of.
        """
        found = self._faces.get(face_set)
        found.check_people()
        names.person_name(person)
        if person not in found.people:
            raise NotEnrolled(f"face set {face_set}: has no such person; choose one of the list")
        self._check_apart(model, found, person)
        digests = found.people[person][: self._settings.photos_per_ticket]
        return [
            Photo(f"{face_set}-{number:03}.jpg", self._faces.photo(found, person, digest))
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
            own = found if name == found.name else self._faces.get(name)
            if any(photos.intersection(digests) for digests in own.people.values()):
                raise NotEnrolled(
                    f"this person is in face set {name}, the {use} faces of model {model}: upload "
                    "other photos of them instead; the run then leaves them out of those faces"
                )

    def _people(self, face_set: str) -> Sequence[str]:
        until, people = self._names.get(face_set, (0.0, ()))
        if time.monotonic() < until:
            return people
        found = self._faces.get(face_set)
        found.check_people()
        while len(self._names) >= KEPT_SETS:
            self._names.pop(next(iter(self._names)), None)
        people = sorted(found.people, key=str.casefold)
        self._names[face_set] = (time.monotonic() + KEPT_SECONDS, people)
        return people


def _begins(name: str, start: str) -> bool:
    return name.startswith(start) or any(
        word.startswith(start) for word in name.replace("_", " ").replace("-", " ").split()
    )
