"""A job: heavy work of a run and how it is cut; named by its digest, so that it is found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from storage import object_names
from storage.canonical import Corrupt, Document, canonical, sha256
from storage.store.objects import ObjectMissing, ObjectStore

FORMAT = 1
Range = tuple[int, int]  # from … up to


@dataclass(frozen=True)
class Job:
    model: str
    kind: str  # one of ``work.KINDS``
    inputs: Document
    shards: tuple[Range, ...]

    @cached_property
    def id(self) -> str:
        return sha256(canonical(self.document()))[:32]

    def document(self) -> Document:
        return {
            "format": FORMAT,
            "model": self.model,
            "kind": self.kind,
            "inputs": self.inputs,
            "shards": [list(shard) for shard in self.shards],
        }

    @classmethod
    def read(cls, objects: ObjectStore, model: str, id_: str) -> Job | None:
        """None once its run has ended.

        Raises:
            Corrupt, StoreUnavailable
        """
        name = object_names.shard_job(model, id_)
        try:
            document = objects.get_document(name)
        except ObjectMissing:
            return None
        try:
            shards = tuple((int(first), int(beyond)) for first, beyond in document["shards"])
            job = cls(model, str(document["kind"]), dict(document["inputs"]), shards)
        except (KeyError, TypeError, ValueError):
            raise Corrupt(f"{name}: no job of this version of Lethe") from None
        if job.id != id_:
            raise Corrupt(f"{name}: another job than its name says")
        return job

    def keep(self, objects: ObjectStore) -> None:
        objects.put_document(object_names.shard_job(self.model, self.id), self.document())

    def part(self, number: int) -> str:
        return object_names.shard_part(self.model, self.id, number)

    def done(self, objects: ObjectStore) -> set[int]:
        """Numbers of the shards whose results are there."""
        found = objects.names(object_names.shard_parts(self.model, self.id))
        return {int(PurePosixPath(name).stem) for name in found}


def cut(sizes: Sequence[int], most: int) -> tuple[Range, ...]:
    """Neighbours together up to ``most`` in sum; what is larger by itself stands alone."""
    ranges, first, held = [], 0, 0
    for place, size in enumerate(sizes):
        if held and held + size > most:
            ranges.append((first, place))
            first, held = place, 0
        held += size
    return (*ranges, (first, len(sizes))) if held else tuple(ranges)
