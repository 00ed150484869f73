"""What a certification looks at: photos of subjects and of benchmark people, by both versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from storage.errors import BadInput
from workers.certification.comparisons import mated_scores
from workers.certification.crowd import Crowd, picture_digests
from workers.certification.templates import (
    Crops,
    Embedder,
    People,
    Templates,
    Versions,
    centroid,
    check_numbers,
    embed,
)

Progress = Callable[[str, float], None]
FEWEST_PHOTOS = 2  # of a subject: one photo has nothing to be compared with
FEWEST_PEOPLE = 2  # of a benchmark, with two photos each: fewer have no mated or non-mated pairs


class BadEvidence(BadInput):
    """Photos or models that cannot be certified with."""


@dataclass(frozen=True)
class Subject:
    """A person who is to be forgotten: photos that drove the unlearning, photos that judge it."""

    reference: str
    forget: Crops
    held_out: Crops


@dataclass(frozen=True)
class SubjectTemplates:
    forget: Versions
    held_out: Versions
    pooled: Versions | None = None  # features of the held-out photos before the last linear layer

    @property
    def photos(self) -> Versions:
        """All photos, the held-out ones first."""
        return self.held_out + self.forget


@dataclass(frozen=True)
class Evidence:
    """Every photo's templates by both versions."""

    subjects: Mapping[str, SubjectTemplates]
    old: People  # the benchmark people
    new: People
    pooled: tuple[People, People] | None  # their features before the last linear layer


def gather(
    old: Embedder,
    new: Embedder,
    subjects: Sequence[Subject],
    benchmark: Mapping[str, Crops],
    progress: Progress,
) -> Evidence:
    """Embeds every photo once by each version.

    Raises:
        BadEvidence: says which photos or models do not do, and why.
    """
    check_models(old, new)
    check_subjects(subjects)
    check_benchmark(benchmark)
    embedding = _Embedding(old, new, len(benchmark) + 2 * len(subjects), progress)
    if isinstance(benchmark, Crowd):
        people = embedding.of_crowd(benchmark, subjects)
    else:
        pictures = {name: picture_digests(crops) for name, crops in benchmark.items()}
        check_pictures(subjects, pictures)
        people = {
            name: embedding.of(crops, f"benchmark {name}") for name, crops in benchmark.items()
        }
    found = {}
    for subject in subjects:
        forget, _ = embedding.of(subject.forget, f"subject {subject.reference}, forget photos")
        held_out = embedding.of(subject.held_out, f"subject {subject.reference}, held-out photos")
        found[subject.reference] = SubjectTemplates(forget, *held_out)
    templates = {name: own for name, (own, _) in people.items()}
    pooled = {name: own for name, (_, own) in people.items() if own is not None}
    return Evidence(
        found, *_versions(templates), _versions(pooled) if len(pooled) == len(people) else None
    )


def _versions(people: Mapping[str, Versions]) -> tuple[People, People]:
    return (
        People.of({name: own.old for name, own in people.items()}),
        People.of({name: own.new for name, own in people.items()}),
    )


@dataclass
class _Embedding:
    old: Embedder
    new: Embedder
    steps: int
    progress: Progress
    done: int = 0

    def of(self, crops: Crops, whose: str) -> tuple[Versions, Versions | None]:
        """Templates, and pooled features where both versions have them."""
        if len(crops):
            (old, before), (new, after) = (
                embed(version, crops, whose) for version in (self.old, self.new)
            )
        else:
            old = new = np.empty((0, self.old.embedding_size), dtype=np.float32)
            before = after = None
        self.done += 1
        self.progress("embedding", self.done / self.steps)
        return Versions(old, new), _both(before, after)

    def of_crowd(
        self, crowd: Crowd, subjects: Sequence[Subject]
    ) -> dict[str, tuple[Versions, Versions | None]]:
        """The same of everybody in a crowd."""

        def tell(version: int) -> Callable[[float], object]:
            share = len(crowd) / self.steps / 2
            return lambda done: self.progress("embedding", share * (version + done))

        before = crowd.embedded(self.old, tell(0))
        check_pictures(subjects, {name: own.pictures for name, own in before.items()})
        after = crowd.embedded(self.new, tell(1))
        self.done = len(crowd)
        found = {}
        for name, old in before.items():
            new = after[name]
            for version, own in ((self.old, old), (self.new, new)):
                check_numbers(version, own.templates, f"benchmark {name}")
            both = Versions(old.templates, new.templates)
            found[name] = both, _both(old.pooled, new.pooled)
        return found


def _both(before: Templates | None, after: Templates | None) -> Versions | None:
    return None if before is None or after is None else Versions(before, after)


def check_models(old: Embedder, new: Embedder) -> None:
    """
    Raises:
        BadEvidence: templates of the two versions cannot be compared.
    """
    if old.embedding_size != new.embedding_size:
        raise BadEvidence(
            f"the old model's embeddings have {old.embedding_size} dimensions and the new one's "
            f"{new.embedding_size}; give two versions of one model"
        )


def check_subjects(subjects: Sequence[Subject]) -> None:
    """
    Raises:
        BadEvidence: none, two of one reference, or one with a single photo.
    """
    if not subjects:
        raise BadEvidence("no subject to certify; give at least one")
    references = [subject.reference for subject in subjects]
    for subject in subjects:
        photos = len(subject.forget) + len(subject.held_out)
        if references.count(subject.reference) > 1:
            raise BadEvidence(f"subject {subject.reference}: given twice; give each subject once")
        if photos < FEWEST_PHOTOS or not len(subject.held_out):
            raise BadEvidence(
                f"subject {subject.reference}: {photos} photos, {len(subject.held_out)} of them "
                f"held out; give at least {FEWEST_PHOTOS}, one of them held out"
            )


def check_benchmark(benchmark: Mapping[str, Crops]) -> None:
    """
    Raises:
        BadEvidence: somebody without photos, or too few people with two.
    """
    for name, crops in benchmark.items():
        if not len(crops):
            raise BadEvidence(f"benchmark {name}: no photo; add photos or remove the folder")
    able = sum(len(crops) >= FEWEST_PHOTOS for crops in benchmark.values())
    if able < FEWEST_PEOPLE:
        raise BadEvidence(
            f"benchmark: {able} people with at least {FEWEST_PHOTOS} photos; "
            f"give at least {FEWEST_PEOPLE} such people, better 20"
        )


def check_pictures(subjects: Sequence[Subject], benchmark: Mapping[str, Iterable[bytes]]) -> None:
    """``benchmark``: SHA-256 of the pixels of each photo of each person.

    Raises:
        BadEvidence: a picture stands for two people, or twice for a subject.
    """
    places: dict[bytes, tuple[str, int]] = {}
    for name, pictures in benchmark.items():
        for number, digest in enumerate(pictures, start=1):
            other, at = places.setdefault(digest, (name, number))
            if other != name:
                raise BadEvidence(
                    f"benchmark {name}: photo {number} by name is photo {at} of {other}, too; "
                    "remove it from the wrong folder"
                )
    for subject in subjects:
        seen: dict[bytes, int] = {}
        photos = np.concatenate([subject.held_out, subject.forget])
        for number, digest in enumerate(picture_digests(photos), start=1):
            if digest in places:
                other, at = places[digest]
                raise BadEvidence(
                    f"benchmark {other}: photo {at} by name is photo {number} of subject "
                    f"{subject.reference}; remove it there"
                )
            if seen.setdefault(digest, number) != number:
                raise BadEvidence(
                    f"subject {subject.reference}: photos {seen[digest]} and {number} by name are "
                    "the same picture; remove one"
                )


def check_disjoint(evidence: Evidence) -> None:
    """
    Raises:
        BadEvidence: a subject seems to be among the benchmark people, or one of these to have two
            folders. Their photos would count as non-mated and raise the threshold, from which on
            nobody matches and anybody is forgotten.
    """
    people = evidence.old
    for reference, subject in evidence.subjects.items():
        for name in looks_like(subject.photos.old, people):
            raise BadEvidence(
                f"benchmark {name}: looks like subject {reference}; "
                "is the subject among the benchmark? remove that folder"
            )
    usual, centroids = usual_similarity(people), people.centroids.templates
    for person, own in enumerate(centroids):
        for other in np.flatnonzero(centroids[:person] @ own >= usual):
            raise BadEvidence(
                f"benchmark {people.names[person]}: looks like {people.names[other]}; is it one "
                "person? put the photos into one folder"
            )


def looks_like(subject: Templates, people: People) -> list[str]:
    """The people who seem to be the subject.

    Taken for one person are those whose centroid is as similar to the subject's as half of all
    mated comparisons of single photos are. Averaging takes out what differs between photos of
    one person, so one person's two centroids lie far above that, and two people's far below.
    """
    similarities = _similarities(subject, people)
    return [people.names[i] for i in np.flatnonzero(similarities >= usual_similarity(people))]


def usual_similarity(people: People) -> float:
    """The median of all mated scores."""
    mated = [mated_scores(people[person]) for person in range(len(people))]
    return float(np.median(np.concatenate(mated)))


def _similarities(subject: Templates, benchmark: People) -> Templates:
    """(P,) cosine of the subject's centroid and each benchmark person's."""
    found: Templates = (benchmark.centroids.templates @ centroid(subject).T)[:, 0]
    return found


def nearest_people(subject: Templates, benchmark: People, count: int) -> list[int]:
    """The benchmark people whose centroids are nearest to the subject's, nearest first."""
    return [int(i) for i in np.argsort(-_similarities(subject, benchmark), kind="stable")[:count]]
