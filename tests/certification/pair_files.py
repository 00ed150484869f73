"""Verification benchmarks as files, made of synthetic people: `.bin`, LFW, template lists."""

from __future__ import annotations

import functools
import pickle
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lethe.demo.people import UNSEEN, write_people

PEOPLE, PHOTOS = 10, 4
Comparison = tuple[tuple[str, int], tuple[str, int], bool]  # photos are counted from 1


@functools.cache
def people() -> dict[str, list[bytes]]:
    """JPEG files of ten synthetic people, four each."""
    with tempfile.TemporaryDirectory() as folder:
        write_people(Path(folder), range(UNSEEN.start, UNSEEN.start + PEOPLE), PHOTOS)
        return {
            f"Person_{number}": [path.read_bytes() for path in sorted(own.iterdir())]
            for number, own in enumerate(sorted(Path(folder).iterdir()))
        }


def comparisons(folds: int = 10, each: int = 3) -> list[Comparison]:
    """In each fold mated comparisons, then as many non-mated ones; drawn once, for all tests."""
    rng = np.random.default_rng(7)
    names = list(people())
    found: list[Comparison] = []
    for _ in range(folds):
        for mated in (True, False):
            for _ in range(each):
                own = rng.choice(len(names), 2, replace=False)
                first, second = rng.choice(PHOTOS, 2, replace=False) + 1
                other = own[0] if mated else own[1]
                found.append(((names[own[0]], int(first)), (names[other], int(second)), mated))
    return found


def pictures(listed: Sequence[Comparison]) -> tuple[list[bytes], list[bool]]:
    """As InsightFace packs them: pictures two by two, and labels."""
    found = [
        people()[name][number - 1]
        for first, second, _ in listed
        for name, number in (first, second)
    ]
    return found, [mated for *_, mated in listed]


def write_bin(path: Path, content: Any, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def python2_pickle(found: Sequence[bytes], labels: Sequence[bool]) -> bytes:
    """`cPickle.dump((bins, issame_list), f, protocol=2)` of Python 2, opcode by opcode."""
    text = b"".join(
        (b"U" + bytes([len(data)]) if len(data) < 256 else b"T" + struct.pack("<i", len(data)))
        + data
        + b"r"
        + struct.pack("<I", number + 10)
        for number, data in enumerate(found)
    )
    truth = b"".join(b"\x88" if label else b"\x89" for label in labels)
    return b"\x80\x02]q\x01(" + text + b"e]q\x02(" + truth + b"e\x86q\x03."


def write_lfw(root: Path, listed: Sequence[Comparison], header: str = "10\t3") -> Path:
    """`Name/Name_0001.jpg` and `pairs.txt`."""
    for name, photos in people().items():
        (root / name).mkdir(parents=True)
        for number, data in enumerate(photos, start=1):
            (root / name / f"{name}_{number:04d}.jpg").write_bytes(data)
    lines = [
        f"{a}\t{m}\t{n}" if mated else f"{a}\t{m}\t{b}\t{n}" for (a, m), (b, n), mated in listed
    ]
    (root / "pairs.txt").write_text("\n".join([header, *lines]) + "\n")
    return root


def write_template_lists(root: Path, *, medium: int = 2) -> Path:
    """Two templates a person, of two photos each; every two templates are compared."""
    (root / "crops").mkdir(parents=True)
    (root / "meta").mkdir()
    listed, owners = [], []
    for person, photos in enumerate(people().values()):
        for number, data in enumerate(photos):
            name = f"{person * PHOTOS + number + 1}.jpg"
            (root / "crops" / name).write_bytes(data)
            listed.append(f"{name} {100 + 2 * person + number // 2} {number // (2 // medium)}")
        owners += [(100 + 2 * person, person), (101 + 2 * person, person)]
    compared = [
        f"{a} {b} {int(one == other)}"
        for place, (a, one) in enumerate(owners)
        for b, other in owners[place + 1 :]
    ]
    (root / "meta" / "x_face_tid_mid.txt").write_text("\n".join(listed) + "\n")
    (root / "meta" / "x_template_pair_label.txt").write_text("\n".join(compared) + "\n")
    return root
