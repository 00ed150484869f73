"""What one run of the erasure works on: a version, its tickets, and everybody's faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from storage.canonical import Corrupt
from storage.errors import BadInput
from storage.models.registry import Version
from storage.record import Record
from storage.store.objects import ObjectMissing
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from storage.uploads.images import BadPhoto, Pixels
from workers import versions
from workers.certification import Subject
from workers.certification.verification import VerificationSet
from workers.faces import Faces, load_face_set
from workers.recognizer import Recognizer
from workers.shards.crowd import benchmark_of
from workers.shards.division import Division
from workers.unlearning import Plan
from workers.verification import load_verification


class Unusable(BadInput):
    """A ticket's prepared photos cannot be used; the other tickets of the run can."""

    def __init__(self, ticket: str, why: str) -> None:
        super().__init__(f"ticket {ticket}: {why}")
        self.ticket, self.why = ticket, why


class NoPhotos(Unusable):
    """A ticket's photos are gone, or were never prepared."""


@dataclass(frozen=True, eq=False)
class Run:
    version: Version
    recognizer: Recognizer
    tickets: tuple[Ticket, ...]
    subjects: tuple[Subject, ...]  # one for each ticket, in their order
    reference: Faces
    benchmark: Faces
    seed: int
    verification: tuple[VerificationSet, ...] = ()
    method: str = ""  # how the subjects were forgotten, once they are


def load_run(
    record: Record,
    version: Version,
    tickets: Sequence[Ticket],
    division: Division,
) -> Run:
    """Its ``go_on`` is called again and again; what that raises comes out of here.

    Raises:
        Unusable: one ticket's photos are gone or damaged.
        NoSuchFaceSet, NoPairs, BadPhoto, BadModel, Corrupt
    """
    model = record.models.get(version.model)
    recognizer = versions.recognizer(record, version)
    go_on = recognizer.before_batch = division.go_on
    subjects = tuple(_subject(record, ticket.id) for ticket in tickets)
    photos = [np.concatenate([subject.forget, subject.held_out]) for subject in subjects]

    size, most = recognizer.input_size, Plan().reference_faces
    reference = load_face_set(record, model.reference_faces, size, go_on, most)
    benchmark = benchmark_of(division, model.benchmark_faces, size)
    return Run(
        version=version,
        recognizer=recognizer,
        tickets=tuple(tickets),
        subjects=subjects,
        reference=reference.without(photos, recognizer),
        benchmark=benchmark.without(photos, recognizer),
        verification=tuple(load_verification(record, name, size) for name in model.verification),
        seed=_seed(record, tickets),
    )


def _subject(record: Record, ticket: str) -> Subject:
    def crops(digests: Sequence[str]) -> Pixels:
        return np.stack([record.photos.crop(ticket, digest) for digest in digests])

    try:
        selection = record.photos.selection(ticket)
        if selection is None:
            raise NoPhotos(ticket, "has no prepared photos; submit it again with photos")
        return Subject(ticket, crops(selection.forget), crops(selection.held_out))
    except ObjectMissing:
        raise NoPhotos(ticket, "some of its photos are gone; submit it again") from None
    except (Corrupt, BadPhoto, ValueError):  # the error would name a photo by its digest
        raise Unusable(ticket, "its prepared photos are damaged; submit it again") from None


def _seed(record: Record, tickets: Sequence[Ticket]) -> int:
    """How often a certificate of these tickets was refused before.

    So the same version and photos give the same run, and a retry after a refusal another one.
    """
    return sum(
        event.state is State.NEEDS_REVIEW and event.notice is None
        for ticket in tickets
        for event in record.tickets.events(ticket.id)
    )
