"""Worlds of templates: people whose every similarity is known, and models that are tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workers.certification import Certification, Policy, Subject, certify
from workers.certification.certify import ATTACKS
from workers.certification.templates import Crops, Templates

Vectors = NDArray[np.float64]
QUICK = ATTACKS - {"probe"}  # which trains classifiers


@dataclass(frozen=True)
class Table:
    """A model that knows its crops by number and looks their templates up."""

    rows: Templates
    sha256: str = "0" * 64
    pooled: Templates | None = None

    @property
    def embedding_size(self) -> int:
        return self.rows.shape[1]

    def embed_pooled(self, crops: Crops) -> tuple[Templates, Templates | None]:
        pixel = crops[:, 0, 0].astype(int)
        number = pixel[:, 0] * 256 + pixel[:, 1]
        return self.rows[number], None if self.pooled is None else self.pooled[number]


def unit(vectors: Vectors) -> Templates:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@dataclass
class World:
    """Photos under a name, each photo with an old and a new template."""

    old: dict[str, Templates]
    new: dict[str, Templates] = field(default_factory=dict)
    forget: int = 0  # of the subject's photos, these first ones drove the unlearning
    subject: str = "subject"

    def crops(self, name: str) -> Crops:
        names = list(self.old)
        start = sum(len(self.old[other]) for other in names[: names.index(name)])
        numbers = np.arange(start, start + len(self.old[name]))
        crops = np.zeros((len(numbers), 1, 1, 3), dtype=np.uint8)
        crops[:, 0, 0, 0], crops[:, 0, 0, 1] = numbers // 256, numbers % 256
        return crops

    def models(self) -> tuple[Table, Table]:
        """Their pooled features are the templates: the change goes deeper than the last layer."""
        old = np.concatenate(list(self.old.values()))
        new = np.concatenate([{**self.old, **self.new}[name] for name in self.old])
        return Table(old, "a" * 64, old), Table(new, "b" * 64, new)

    def subjects(self) -> list[Subject]:
        crops = self.crops(self.subject)
        return [Subject(self.subject, crops[: self.forget], crops[self.forget :])]

    def benchmark(self) -> Mapping[str, Crops]:
        return {name: self.crops(name) for name in self.old if name != self.subject}

    def certify(self, policy: str = "default", seed: int = 0) -> Certification:
        old, new = self.models()
        return certify(
            old,
            new,
            self.subjects(),
            self.benchmark(),
            Policy.named(policy),
            seed=seed,
            attacks=QUICK,
        )


def failed(certification: Certification) -> set[str]:
    """Ids of the required rules that are not kept."""
    return {result.rule.id for result in certification.rules if result.counts_against}


# --- a world whose every similarity is a multiple of a quarter, so that figures are exact ---

_PEOPLE, _PHOTOS, _SUBJECT_PHOTOS, _FORGET = 40, 4, 10, 4


def exact_world() -> World:
    """40 people with 4 photos: mated 0.75, non-mated 0.25. The subject: mated 0.75, non-mated 0.

    New version: the first photo of persons 0 to 3 is like nothing. Of the subject's 6 held-out
    photos the first two stay, the third turns into a photo of person 5, the others into nothing.
    """
    axes = iter(np.eye(300, dtype=np.float32))
    everybody = next(axes)
    old: dict[str, Templates] = {}
    identities = []
    for person in range(_PEOPLE):
        identity = everybody + next(axes) + next(axes)
        identities.append(identity)
        photos = [(identity + next(axes)) / 2 for _ in range(_PHOTOS)]
        old[f"person{person:02}"] = np.stack(photos)
    own = next(axes) + next(axes) + next(axes)
    old["subject"] = np.stack([(own + next(axes)) / 2 for _ in range(_SUBJECT_PHOTOS)])
    new = {f"person{person:02}": old[f"person{person:02}"].copy() for person in range(4)}
    for templates in new.values():
        templates[0] = next(axes)
    subject = old["subject"].copy()
    subject[_FORGET + 2] = (identities[5] + next(axes)) / 2
    for photo in range(_FORGET + 3, _SUBJECT_PHOTOS):
        subject[photo] = next(axes)
    return World(old, {**new, "subject": subject}, forget=_FORGET)


# --- a world like a real one: identities and photos drawn, a model that forgets as it should ---


def drawn_world(people: int = 30, photos: int = 6, seed: int = 0) -> World:
    """Mated about 0.6, non-mated about 0. By the new version the subject's photos are strangers."""
    rng = np.random.default_rng(seed)
    old = {f"person{person:02}": _person(rng, photos) for person in range(people)}
    old["subject"] = _person(rng, 24)
    world = World(old, forget=12)
    world.new["subject"] = strangers_to(world, rng, 24)
    return world


def _person(rng: np.random.Generator, photos: int) -> Templates:
    return unit(1.2 * rng.normal(size=(1, 128)) + rng.normal(size=(photos, 128)))


def strangers_to(world: World, rng: np.random.Generator, photos: int) -> Templates:
    """Photos that have nothing in common with each other nor with anybody's identity."""
    identities = np.stack([templates.mean(axis=0) for templates in world.old.values()])
    directions = np.linalg.svd(identities, full_matrices=False)[2]
    drawn = strangers(rng, photos)
    return unit(drawn - drawn @ directions.T @ directions)


def strangers(rng: np.random.Generator, photos: int) -> Templates:
    return unit(rng.normal(size=(photos, 128)))
