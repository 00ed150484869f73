"""A folder in LFW's layout, ``Name/Name_0001.jpg``, with ``pairs.txt`` beside the people."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from storage.canonical import sha256
from workers.certification.verification.bad_verification import BadVerification
from workers.certification.verification.pair_list import PairList, numbered, people_of
from workers.certification.verification.pairs_file import PAIRS_FILE, Comparison, Face, read_pairs
from workers.certification.verification.picture_file import read_picture

SUFFIXES = (".jpg", ".png", ".jpeg")


def read_lfw(root: Path) -> PairList:
    """The comparisons that ``pairs.txt`` lists; photos that it does not name are not read.

    Raises:
        BadVerification: a list that is none, or a photo of it that is not there.
    """
    comparisons = read_pairs(root / PAIRS_FILE)
    paths = _paths(root, comparisons)
    digests = {face: sha256(read_picture(path)) for face, path in paths.items()}
    order = [face for pair in comparisons for face in (pair.first, pair.second)]
    rows, places = numbered([digests[face] for face in order])
    persons: dict[str, str] = {}
    files: dict[str, Path] = {}
    for face in order:
        persons.setdefault(digests[face], face[0])
        files.setdefault(digests[face], paths[face])
    ordered = [files[photo] for photo in rows]
    return PairList(
        photos=tuple(rows),
        names=tuple(str(path) for path in ordered),
        read=lambda row: read_picture(ordered[row]),
        pairs=places.reshape(-1, 2),
        mated=np.array([pair.mated for pair in comparisons]),
        folds=np.array([pair.fold for pair in comparisons], dtype=np.int64),
        people=people_of(rows, persons),
    )


def _paths(root: Path, comparisons: list[Comparison]) -> dict[Face, Path]:
    found: dict[Face, Path] = {}
    for pair in comparisons:
        for face in (pair.first, pair.second):
            if face not in found:
                found[face] = _path(root, face, pair.line)
    return found


def _path(root: Path, face: Face, line: int) -> Path:
    person, number = face
    stem = root / person / f"{person}_{number:04d}"
    for suffix in SUFFIXES:
        path = stem.with_name(stem.name + suffix)
        if path.is_file():
            return path
    raise BadVerification(
        f"{root / PAIRS_FILE}, line {line}: {stem}.jpg is not there; give the folder whole"
    )
