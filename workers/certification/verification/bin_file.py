"""InsightFace's ``.bin`` (lfw.bin, cfp_fp.bin, agedb_30.bin): pictures two by two, and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from storage.canonical import sha256
from storage.settings import MIB
from workers.certification.verification.bad_verification import BadVerification
from workers.certification.verification.pair_list import (
    FOLDS,
    MOST_PAIRS,
    Flags,
    PairList,
    contiguous_folds,
    numbered,
)
from workers.certification.verification.pickled import Array, NotLiteral, read_literal

MOST_BYTES = 1024 * MIB  # cfp_fp.bin, the largest of the usual ones, has under 100 MiB


def read_bin(path: Path) -> PairList:
    """The comparisons of a ``.bin``: pictures 2i and 2i + 1 are pair i.

    The file has no folds: ten contiguous ones are made, as InsightFace's own evaluation does. Who
    is in a picture it does not say either. Pictures that are in several pairs are kept once; they
    stay encoded in memory.

    Raises:
        BadVerification: not such a file; nothing in it is ever run.
    """
    pictures, labels = _halves(path)
    mated = _labels(path, labels)
    found = [_picture(path, number, item) for number, item in enumerate(pictures, start=1)]
    rows, places = numbered([sha256(data) for data in found])
    firsts = np.unique(places, return_index=True)[1]
    kept = [found[first] for first in firsts]
    return PairList(
        photos=tuple(rows),
        names=tuple(f"{path}, picture {first + 1} of {len(found)}" for first in firsts),
        read=kept.__getitem__,
        pairs=places.reshape(-1, 2),
        mated=mated,
        folds=contiguous_folds(len(mated)),
        people=None,
    )


def _halves(path: Path) -> tuple[list[Any], Any]:
    """Pictures and labels, as many as belong together."""
    try:
        value = read_literal(_bounded(path))
    except NotLiteral as refusal:
        raise BadVerification(
            f"{path}: {refusal}; give a .bin of InsightFace from a source that you trust"
        ) from None
    match value:
        case [list() | tuple() as pictures, list() | tuple() | Array() as labels]:
            pass
        case _:
            raise BadVerification(
                f"{path}: holds no list of pictures and list of labels; "
                "give a .bin as InsightFace writes them"
            )
    count = len(_flat(labels))
    if len(pictures) != 2 * count:
        raise BadVerification(
            f"{path}: {len(pictures):,} pictures and {count:,} labels; "
            "each label needs two pictures, copy the file again"
        )
    if not FOLDS <= count <= MOST_PAIRS:
        raise BadVerification(
            f"{path}: {count:,} pairs; from {FOLDS} to {MOST_PAIRS:,} can be judged"
        )
    return list(pictures), labels


def _bounded(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise BadVerification(
            f"{path}: {size / MIB:,.0f} MiB; at most {MOST_BYTES // MIB:,} MiB, split it"
        )
    return path.read_bytes()


def _flat(labels: Any) -> Any:
    """Labels one by one; an array holds a byte for each."""
    if isinstance(labels, Array):
        return [bool(byte) for byte in labels.data or b""]
    return labels


def _labels(path: Path, labels: Any) -> Flags:
    found = _flat(labels)
    for number, label in enumerate(found, start=1):
        if not isinstance(label, int) or label not in (0, 1):
            raise BadVerification(
                f"{path}: label {number} of {len(found)} is neither true nor false; "
                "give a .bin as InsightFace writes them"
            )
    mated = np.array(found, dtype=bool)
    if mated.all() or not mated.any():
        raise BadVerification(
            f"{path}: all pairs are {'mated' if mated.all() else 'non-mated'}; both are needed"
        )
    return mated


def _picture(path: Path, number: int, item: Any) -> bytes:
    match item:
        case bytes(data) | Array(data=bytes(data), boolean=False):
            return data
    raise BadVerification(
        f"{path}: picture {number} is no byte string; give a .bin as InsightFace writes them"
    )
