"""A crowd: benchmark people too many for one worker, embedded elsewhere."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from workers.certification.templates import Crops, Embedder, Templates


@dataclass(frozen=True)
class Portraits:
    """One person's photos by one version."""

    templates: Templates
    pooled: Templates | None  # features before the last linear layer
    pictures: tuple[bytes, ...]  # SHA-256 of each photo's pixels


class Crowd(Mapping[str, Crops]):
    """People and their photos, which are read when they are looked at."""

    @abstractmethod
    def embedded(
        self, version: Embedder, progress: Callable[[float], object] = lambda _: None
    ) -> Mapping[str, Portraits]:
        """Everybody by one version; ``progress`` gets how much is done, 0 to 1."""

    @abstractmethod
    def without(self, names: Collection[str]) -> Crowd: ...


def picture_digests(crops: Crops) -> Iterator[bytes]:
    """SHA-256 of each photo's pixels."""
    for crop in crops:
        yield hashlib.sha256(crop.tobytes()).digest()
