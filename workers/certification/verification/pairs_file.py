"""LFW's ``pairs.txt``: ten folds of mated and non-mated comparisons.

Huang, Ramesh, Berg and Learned-Miller 2007, Labeled Faces in the Wild (UMass Amherst 07-49),
View 2: a line ``10 300``, then in each fold 300 lines ``name number number`` and 300 lines
``name number name number``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from storage.settings import MIB
from workers.certification.verification.bad_verification import BadVerification
from workers.certification.verification.pair_list import MOST_PAIRS

PAIRS_FILE = "pairs.txt"
MOST_BYTES = 16 * MIB  # LFW's has 155 kB
MOST_FOLDS = 100
_NAME = re.compile(r"\w[\w.'-]{0,127}")
_NUMBER = re.compile(r"[0-9]{1,6}")

Face = tuple[str, int]  # name of the person, number of the photo


@dataclass(frozen=True)
class Comparison:
    first: Face
    second: Face
    mated: bool
    fold: int  # from 0
    line: int  # from 1, for refusals


def read_pairs(path: Path) -> list[Comparison]:
    """
    Raises:
        BadVerification: names the line that is wrong.
    """
    lines = _lines(path)
    folds, each = _header(path, lines[0] if lines else "")
    wanted = 2 * folds * each
    if len(lines) - 1 != wanted:
        raise BadVerification(
            f"{path}: {len(lines) - 1:,} pairs where the first line says {folds} folds of {each} "
            f"mated and {each} non-mated ones, {wanted:,}; copy the file again"
        )
    return [
        _comparison(path, number + 2, line, number // each % 2 == 0, number // (2 * each))
        for number, line in enumerate(lines[1:])
    ]


def _lines(path: Path) -> list[str]:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise BadVerification(f"{path}: {size:,} bytes; no list of pairs is so long")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise BadVerification(f"{path}: is not text in UTF-8; copy the file again") from None
    return text.rstrip().split("\n") if text.strip() else []


def _header(path: Path, line: str) -> tuple[int, int]:
    fields = line.split()
    if not fields or not all(_NUMBER.fullmatch(field) for field in fields):
        raise BadVerification(
            f"{path}: does not begin with the number of folds and of pairs in each, such as "
            "10 300; give LFW's pairs.txt (View 2) whole"
        )
    if len(fields) != 2:
        raise BadVerification(
            f"{path}: begins with {len(fields)} numbers, not two: a list without folds (View 1 "
            "of LFW, for development); give pairs.txt of View 2"
        )
    folds, each = int(fields[0]), int(fields[1])
    if not 2 <= folds <= MOST_FOLDS or not 1 <= each <= MOST_PAIRS // (2 * folds):
        raise BadVerification(
            f"{path}: {folds} folds of 2 × {each} pairs; from 2 to {MOST_FOLDS} folds and at most "
            f"{MOST_PAIRS:,} pairs in all can be judged"
        )
    return folds, each


def _comparison(path: Path, number: int, line: str, mated: bool, fold: int) -> Comparison:
    fields = line.split()
    if len(fields) != (3 if mated else 4):
        wanted = "name number number" if mated else "name number name number"
        raise BadVerification(
            f"{path}, line {number}: {len(fields)} fields where this fold has {wanted}; "
            "names have no spaces"
        )
    first = _face(path, number, fields[0], fields[1])
    second = _face(path, number, fields[-2] if not mated else fields[0], fields[-1])
    if (first[0] == second[0]) is not mated or first == second:
        what = "one photo twice" if first == second else "one person twice as two people"
        raise BadVerification(f"{path}, line {number}: compares {what}; remove the pair")
    return Comparison(first, second, mated, fold, number)


def _face(path: Path, line: int, name: str, photo: str) -> Face:
    if not _NAME.fullmatch(name) or ".." in name:
        raise BadVerification(
            f"{path}, line {line}: {name[:80]!r} is no name; letters, digits and . ' - _ are used"
        )
    if not _NUMBER.fullmatch(photo):
        raise BadVerification(
            f"{path}, line {line}: {photo[:80]!r} is no number of a photo; "
            "a pair is written name number number, or name number name number"
        )
    return name, int(photo)
