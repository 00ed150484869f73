"""Kept face sets that are verification benchmarks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from storage.errors import BadInput
from storage.faces.sets import NOBODY, FaceSet, Pair
from storage.record import Record
from workers.certification.verification import Kind, PairList, VerificationSet
from workers.certification.verification.pair_list import numbered, people_of


class NoPairs(BadInput):
    """A face set without comparisons."""


def load_verification(record: Record, name: str, size: int) -> VerificationSet:
    """A kept ``.bin`` or LFW folder, for a recogniser with crops of ``size`` pixels a side.

    Pictures are fetched and decoded block by block, when they are embedded.

    Raises:
        NoSuchFaceSet, Corrupt
        NoPairs: it holds people alone.
    """
    found = record.faces.get(name)
    if not found.pairs:
        raise NoPairs(
            f"face set {name}: holds no pairs to verify; "
            "add an InsightFace .bin or a folder with pairs.txt"
        )
    kind = Kind.LFW if found.people else Kind.BIN
    return VerificationSet.of_pairs(name, kind, _pair_list(record, found, found.pairs), size)


def _pair_list(record: Record, found: FaceSet, pairs: tuple[Pair, ...]) -> PairList:
    rows, places = numbered([photo for pair in pairs for photo in (pair.first, pair.second)])
    photos = tuple(rows)
    persons = {photo: who for who, own in found.people.items() for photo in own}
    return PairList(
        photos=photos,
        names=tuple(f"face set {found.name}, photo {photo[:12]}" for photo in photos),
        read=_reader(record, found, photos, persons),
        pairs=places.reshape(-1, 2),
        mated=np.array([pair.mated for pair in pairs]),
        folds=np.array([pair.fold for pair in pairs], dtype=np.int64),
        people=people_of(rows, persons) if persons else None,
    )


def _reader(
    record: Record, found: FaceSet, photos: tuple[str, ...], persons: dict[str, str]
) -> Callable[[int], bytes]:
    def read(row: int) -> bytes:
        return record.faces.photo(found, persons.get(photos[row], NOBODY), photos[row])

    return read
