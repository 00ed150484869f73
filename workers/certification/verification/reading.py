"""From a path to a verification benchmark: which format it is, and its reader."""

from __future__ import annotations

from pathlib import Path

from workers.certification.verification.bad_verification import BadVerification
from workers.certification.verification.bin_file import read_bin
from workers.certification.verification.lfw_folder import read_lfw
from workers.certification.verification.pair_list import PairList
from workers.certification.verification.pairs_file import PAIRS_FILE
from workers.certification.verification.template_lists import (
    is_template_lists,
    read_template_lists,
)
from workers.certification.verification.verification_set import Kind, VerificationSet

SUFFIX = ".bin"


def kind_of(path: Path) -> Kind | None:
    """The format of what lies at ``path``; None for a folder per person and for anything else."""
    if path.is_file():
        return Kind.BIN if path.suffix.lower() == SUFFIX else None
    if (path / PAIRS_FILE).is_file():
        return Kind.LFW
    return Kind.TEMPLATES if path.is_dir() and is_template_lists(path) else None


def read_pair_list(path: Path) -> PairList | None:
    """The comparisons of a ``.bin`` or of a folder with ``pairs.txt``; None for anything else.

    Raises:
        BadVerification
    """
    match kind_of(path):
        case Kind.BIN:
            return read_bin(path)
        case Kind.LFW:
            return read_lfw(path)
    return None


def read_verification(path: Path, size: int) -> VerificationSet:
    """A benchmark in any of the formats, for a recogniser with crops of ``size`` pixels a side.

    Raises:
        BadVerification: it is none of them, or damaged.
        BadPhoto: a picture is damaged, or has another size; every one is decoded once.
    """
    kind = kind_of(path)
    if kind is None:
        raise BadVerification(
            f"{path}: no verification benchmark; give an InsightFace {SUFFIX}, a folder with "
            f"{PAIRS_FILE}, or one with *_face_tid_mid.txt and *_template_pair_label.txt"
        )
    if kind is Kind.TEMPLATES:
        found = read_template_lists(path, size)
    else:
        pairs = read_bin(path) if kind is Kind.BIN else read_lfw(path)
        name = path.stem if kind is Kind.BIN else path.resolve().name
        found = VerificationSet.of_pairs(name, kind, pairs, size)
    found.check()
    return found
