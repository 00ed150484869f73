"""Template lists in the layout that InsightFace evaluates IJB-B and IJB-C in.

``*_face_tid_mid.txt`` has a line ``picture template medium`` for each picture,
``*_template_pair_label.txt`` a line ``template template label`` for each comparison; both lie in
the folder or in its ``meta``. Pictures are aligned crops in ``crops`` (or where the list says), or
loose ones in ``loose_crop``, which ``*_name_5pts_score.txt`` gives five points for.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from storage.canonical import sha256
from storage.errors import BadInput
from storage.settings import MIB
from storage.uploads.images import decode
from workers.certification.templates import Counts, Crops
from workers.certification.verification.bad_verification import BadVerification
from workers.certification.verification.crops import (
    CROP_BYTES,
    CROP_PIXELS,
    LazyCrops,
    decode_crop,
)
from workers.certification.verification.pair_list import digest
from workers.certification.verification.picture_file import read_picture
from workers.certification.verification.pooling import Pooling
from workers.certification.verification.verification_set import Kind, VerificationSet

PICTURES, COMPARISONS, POINTS = "_face_tid_mid.txt", "_template_pair_label.txt", "_5pts_score.txt"
MOST_PICTURES = 1_000_000  # IJB-C has 469,375
MOST_PAIRS = 20_000_000  # IJB-C has 15,658,489
MOST_BYTES = 512 * MIB
LONGEST = 18  # digits of a number: all of them fit 64 bits
_LONG = re.compile(rb"[0-9]{%d}" % (LONGEST + 1))
_PICTURE = re.compile(r"\w[\w./-]{0,199}")
Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Pictures:
    paths: list[Path]
    pooling: Pooling
    ids: Counts  # (T,) the lists' number of each template, rising
    points: Points | None  # (N, 5, 2)


def is_template_lists(root: Path) -> bool:
    return bool(_candidates(root, PICTURES))


def read_template_lists(root: Path, size: int) -> VerificationSet:
    """
    Raises:
        BadVerification: lists or pictures that are missing or do not fit each other.
    """
    found = _pictures(root)
    pairs, mated = _comparisons(_list(root, COMPARISONS), found.ids)
    photos = [sha256(read_picture(path)) for path in found.paths]
    columns = [found.pooling.templates, found.pooling.media, pairs, mated]
    if found.points is not None:
        columns.append(found.points.view(np.int64))
    return VerificationSet(
        name=root.resolve().name,
        kind=Kind.TEMPLATES,
        digest=digest(photos, *columns),
        crops=LazyCrops(len(photos), size, lambda row: _crop(found, row, size)),
        pairs=pairs,
        mated=mated,
        folds=np.zeros(len(pairs), dtype=np.int64),
        pooling=found.pooling,
    )


def _crop(found: _Pictures, row: int, size: int) -> Crops:
    path = found.paths[row]
    if found.points is None:
        return decode_crop(read_picture(path), str(path), size)
    from workers.recognizer import align

    pixels = decode(read_picture(path), str(path), max_bytes=CROP_BYTES, max_pixels=CROP_PIXELS)
    try:
        return align(pixels, found.points[row], size)
    except BadInput as refusal:
        raise BadVerification(f"{path}: {refusal}") from None


def _pictures(root: Path) -> _Pictures:
    path = _list(root, PICTURES)
    rows = _rows(path, fields=3)
    numbers = _integers(path, [row[1:] for row in rows])
    ids, templates = np.unique(numbers[:, 0], return_inverse=True)
    names = [row[0] for row in rows]
    points = _points(root, names) if _candidates(root, POINTS) else None
    folder = root / ("loose_crop" if points is not None else "crops")
    if points is None and not folder.is_dir():
        folder = root
    paths = [_path(path, folder, name, line) for line, name in enumerate(names, start=1)]
    return _Pictures(paths, Pooling(templates.ravel(), numbers[:, 1]), ids, points)


def _points(root: Path, names: list[str]) -> Points:
    """Five points for each picture; the score after them is not used."""
    path = _list(root, POINTS)
    rows = _rows(path, fields=12)
    if [row[0] for row in rows] != names:
        raise BadVerification(
            f"{path}: names other pictures, or in another order, than the list of templates; "
            "give the lists of one benchmark"
        )
    try:
        found = np.array([row[1:11] for row in rows], dtype=np.float64).reshape(-1, 5, 2)
    except ValueError:
        found = np.array(np.nan)
    if not np.isfinite(found).all():
        raise BadVerification(f"{path}: has points that are no numbers; copy the file again")
    return found


def _comparisons(path: Path, ids: Counts) -> tuple[Counts, NDArray[np.bool_]]:
    numbers = _table(path)
    pairs, labels = numbers[:, :2], numbers[:, 2]
    rows = np.minimum(np.searchsorted(ids, pairs), len(ids) - 1)
    unknown = np.flatnonzero((ids[rows] != pairs).any(axis=1))
    if len(unknown):
        raise BadVerification(
            f"{path}, line {unknown[0] + 1}: compares a template that has no picture; "
            "give the lists of one benchmark"
        )
    if not np.isin(labels, (0, 1)).all() or labels.all() or not labels.any():
        raise BadVerification(
            f"{path}: labels must be 0 and 1, and some of each; give the list as it came"
        )
    return rows, labels.astype(bool)


def _table(path: Path) -> Counts:
    """Millions of lines of three integers, (M, 3)."""
    _check_size(path)
    numbers = np.empty((0, 0), dtype=np.int64)
    if _only_integers(path):
        with suppress(ValueError):
            numbers = np.loadtxt(path, dtype=np.int64, comments=None, ndmin=2)
    if numbers.shape[1] != 3:
        raise BadVerification(
            f"{path}: is no list of at most {MOST_PAIRS:,} lines of two templates and a label; "
            "copy the file again"
        )
    return numbers


def _only_integers(path: Path) -> bool:
    """Whether numpy may read it: what it only warns of (1.5, 2^64, no line) is not in it.

    Where warnings are made errors, numpy 2.4 does not survive the one about 1.5.
    """
    digits = lines = 0
    before = b""
    with path.open("rb") as file:
        while block := file.read(MIB):
            if block.translate(None, b"0123456789 \t\r\n") or _LONG.search(before + block):
                return False
            digits += len(block) - len(block.translate(None, b"0123456789"))
            lines += max(block.count(b"\n"), block.count(b"\r"))
            before = block[-LONGEST:]
    return digits > 0 and lines <= MOST_PAIRS


def _rows(path: Path, fields: int) -> list[list[str]]:
    _check_size(path)
    try:
        lines = path.read_text("utf-8-sig").rstrip().split("\n")
    except UnicodeDecodeError:
        raise BadVerification(f"{path}: is not text in UTF-8; copy the file again") from None
    if len(lines) > MOST_PICTURES:
        raise BadVerification(f"{path}: {len(lines):,} lines; at most {MOST_PICTURES:,}, split it")
    rows = [line.split() for line in lines]
    for number, row in enumerate(rows, start=1):
        if len(row) != fields:
            raise BadVerification(
                f"{path}, line {number}: {len(row)} fields, not {fields}; copy the file again"
            )
    return rows


def _integers(path: Path, rows: list[list[str]]) -> Counts:
    try:
        return np.array(rows, dtype=np.int64)
    except (ValueError, OverflowError):
        raise BadVerification(
            f"{path}: templates and media must be whole numbers; copy the file again"
        ) from None


def _path(path: Path, folder: Path, name: str, line: int) -> Path:
    if not _PICTURE.fullmatch(name) or ".." in name:
        raise BadVerification(
            f"{path}, line {line}: {name[:80]!r} is no picture's name inside the folder"
        )
    picture = folder / name
    if not picture.is_file():
        raise BadVerification(f"{path}, line {line}: {picture} is not there; give the folder whole")
    return picture


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if not 0 < size <= MOST_BYTES:
        raise BadVerification(f"{path}: {size:,} bytes; from 1 to {MOST_BYTES:,} can be read")


def _candidates(root: Path, ending: str) -> list[Path]:
    return sorted(
        path
        for folder in (root, root / "meta")
        if folder.is_dir()
        for path in folder.glob(f"*{ending}")
        if path.is_file()
    )


def _list(root: Path, ending: str) -> Path:
    found = _candidates(root, ending)
    if len(found) != 1:
        raise BadVerification(
            f"{root}: {len(found)} files named *{ending}; give a folder with the lists of one "
            "benchmark, in it or in its meta"
        )
    return found[0]
