"""Certifying two model files, without any server: what ``lethe certify`` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.canonical import sha256
from storage.errors import BadInput
from storage.faces.sets import read_photos
from storage.models.registry import MODEL_FILE
from storage.uploads.images import Pixels
from workers.certification import Certification, Policy, Subject, certify
from workers.certification.evidence import Progress
from workers.certification.verification import VerificationSet, read_verification
from workers.faces import decode_crop, read_faces
from workers.recognizer import Recognizer
from workers.training_set import read_training_set


@dataclass(frozen=True)
class Given:
    """The files and folders to certify with."""

    old: Path
    new: Path
    subjects: Sequence[Path]  # a folder of held-out photos each
    benchmark: Path  # one folder a person
    policy: Path | None = None
    verification: Sequence[Path] = ()  # .bin, LFW folder or template lists
    training_set: Path | None = None


@dataclass(frozen=True)
class Judged:
    """What came of it, and the SHA-256 of what it was found on."""

    certification: Certification
    old: Mapping[str, str]  # of the model, as ``model.onnx``, and of its data files
    new: Mapping[str, str]
    benchmark: str  # of the index of its crops
    held_out: Mapping[str, Sequence[str]]  # of each subject's crops, by reference


def certify_files(given: Given, seed: int, progress: Progress) -> Judged:
    """Judges the new file against the old one with photos that no erasure saw.

    Raises:
        BadModel, BadPhoto, BadInput
    """
    policy = Policy.read(given.policy) if given.policy else Policy.named("default")
    old, new = Recognizer.load(given.old), Recognizer.load(given.new)
    if _shape(old) != _shape(new):
        raise BadInput(
            f"{given.new}: {_shape(new)}, and {given.old} has {_shape(old)}; "
            "give two versions of one model"
        )
    size = old.input_size
    training = read_training_set(given.training_set, size) if given.training_set else None
    subjects = [_subject(folder, size) for folder in given.subjects]
    benchmark = read_faces(given.benchmark, size)
    certification = certify(
        old,
        new,
        subjects,
        benchmark.people,
        policy,
        seed=seed,
        verification_sets=_verification(given.verification, size),
        training=training,
        progress=progress,
    )
    held_out = {
        subject.reference: [sha256(crop.tobytes()) for crop in subject.held_out]
        for subject in subjects
    }
    return Judged(certification, _files(old), _files(new), benchmark.digest, held_out)


def _files(recognizer: Recognizer) -> dict[str, str]:
    file = recognizer.file
    return {
        MODEL_FILE if name == file.path.name else name: digest
        for name, digest in file.digests.items()
    }


def _shape(recognizer: Recognizer) -> str:
    return f"{recognizer.input_size} pixels a side, {recognizer.embedding_size} dimensions"


def _subject(folder: Path, size: int) -> Subject:
    """All photos held out: what drove the erasure is not asked."""
    nothing = np.zeros((0, size, size, 3), np.uint8)
    return Subject(folder.resolve().name, nothing, _held_out(folder, size))


def _held_out(folder: Path, size: int) -> Pixels:
    if not folder.is_dir():
        raise BadInput(f"{folder}: not a folder; give one that holds one subject's photos")
    paths = read_photos(folder)
    if not paths:
        raise BadInput(f"{folder}: holds no JPEG, PNG or WebP photos; give held-out photos")
    return np.stack([decode_crop(path.read_bytes(), str(path), size) for path in paths])


def _verification(paths: Sequence[Path], size: int) -> list[VerificationSet]:
    found = [read_verification(path, size) for path in paths]
    names = [benchmark.name for benchmark in found]
    for path, name in zip(paths, names, strict=True):
        if names.count(name) > 1:
            raise BadInput(f"{path}: two verification benchmarks are called {name}; rename one")
    return found
