"""Templates of photos and of people: what every figure is computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from storage.errors import BadInput

Crops = NDArray[np.uint8]  # (N, 112, 112, 3) RGB, aligned
Templates = NDArray[np.float32]  # (N, D), rows of unit length
Scores = NDArray[np.float32]
Counts = NDArray[np.int64]


class Embedder(Protocol):
    """What certification asks of a model version: one template for each crop."""

    @property
    def embedding_size(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    def embed_pooled(self, crops: Crops, /) -> tuple[Templates, Templates | None]:
        """Templates, and the features before the last linear layer where there is one."""


def embed(recognizer: Embedder, crops: Crops, whose: str) -> tuple[Templates, Templates | None]:
    """(N, 112, 112, 3) crops → (N, D) templates, and (N, F) pooled features of unit length.

    Raises:
        BadInput: an embedding is not a number; ``whose`` photo gave it.
    """
    made, pooled = recognizer.embed_pooled(crops)
    templates = np.asarray(made, dtype=np.float32)
    check_numbers(recognizer, templates, whose)
    return templates, pooled


def check_numbers(recognizer: Embedder, templates: Templates, whose: str) -> None:
    """
    Raises:
        BadInput: see ``embed``.
    """
    bad = np.flatnonzero(~np.isfinite(templates).all(axis=1))
    if len(bad):
        raise BadInput(
            f"{whose}: the embedding of photo {bad[0] + 1} of {len(templates)} by model "
            f"{recognizer.sha256[:12]} is not a number; the model is damaged, add it anew"
        )


def centroid(templates: Templates) -> Templates:
    """The mean template at unit length, (1, D); zero where the templates cancel out."""
    mean = templates.mean(axis=0, keepdims=True)
    length = np.linalg.norm(mean)
    unit: Templates = mean / length if length > 0 else mean
    return unit


@dataclass(frozen=True)
class Versions:
    """The same photos embedded by the old and by the new version."""

    old: Templates
    new: Templates

    def __len__(self) -> int:
        return len(self.old)

    def __add__(self, other: Versions) -> Versions:
        return Versions(
            np.concatenate([self.old, other.old]), np.concatenate([self.new, other.new])
        )


@dataclass(frozen=True)
class People:
    """Templates of several people in one array: each person's rows stand together."""

    names: tuple[str, ...]
    templates: Templates  # (N, D)
    sizes: Counts  # (P,) rows of each person, in the order of names

    @classmethod
    def of(cls, people: Mapping[str, Templates]) -> People:
        sizes = np.array([len(templates) for templates in people.values()], dtype=np.int64)
        return cls(tuple(people), np.concatenate(list(people.values())), sizes)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, person: int) -> Templates:
        return self.templates[self.starts[person] : self.starts[person + 1]]

    @cached_property
    def starts(self) -> Counts:
        """(P + 1,): rows ``starts[i]`` to ``starts[i + 1]`` are person i's."""
        return np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)

    @cached_property
    def owners(self) -> Counts:
        """(N,): the person of each row."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def centroids(self) -> People:
        """The same people, each with one template: their centroid."""
        rows = [centroid(self[person]) for person in range(len(self))]
        return People(self.names, np.concatenate(rows), np.ones(len(rows), dtype=np.int64))

    def select(self, chosen: Sequence[int]) -> People:
        return People.of({self.names[person]: self[person] for person in chosen})
