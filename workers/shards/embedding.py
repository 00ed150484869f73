"""Shards of embedding: some people of a face set, by one version."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import Any

import numpy as np

from storage.canonical import Corrupt, Document
from storage.faces.sets import FaceSet
from storage.record import Record
from storage.settings import MIB
from storage.uploads.images import Pixels
from workers.certification.crowd import picture_digests
from workers.certification.verification.crops import decode_crop
from workers.metrics import faces_embedded
from workers.recognizer import BadModel, Recognizer
from workers.shards import networks
from workers.shards.arrays import Arrays
from workers.shards.job import Job, Range, cut

KIND = "embed"
FETCHES = 8  # people whose photos are fetched and decoded at a time, while others are embedded

RESULT_BYTES = 256 * MIB  # of one shard's result, about

_sets: dict[str, FaceSet] = {}  # by digest; the last one


def job(model: str, network: str, faces: FaceSet, most: int) -> Job:
    """``network``: SHA-256 of the version; ``most``: faces in a shard, about."""
    _keep(faces)
    inputs: Document = {"network": network, "faces": faces.name, "digest": faces.digest}
    return Job(model, KIND, inputs, cut([len(own) for own in faces.people.values()], most))


def most_faces(recognizer: Recognizer) -> int:
    """Faces whose templates and pooled features fill one object; of iResNet-100 some 2,600."""
    try:
        shape = recognizer.file.shapes[recognizer.last_linear.features][1:]
    except BadModel:  # no last linear layer, no pooled features
        shape = ()
    pooled = prod(dim or 1 for dim in shape) if shape else 0
    return max(1, RESULT_BYTES // (4 * (recognizer.embedding_size + pooled)))


def work(kept: Record, job: Job, people: Range, go_on: Callable[[], object]) -> Arrays:
    """``templates`` (N, D); ``pooled`` (N, F) where there are any; ``pictures`` (N, 32) SHA-256.

    Each person is embedded by themselves, as where nothing is divided: the figures are the same.

    Raises:
        Corrupt, BadPhoto, BadModel, ObjectMissing, StoreUnavailable
    """
    faces = _face_set(kept, str(job.inputs["faces"]), str(job.inputs["digest"]))
    names = list(faces.people)[slice(*people)]
    templates, pooled, pictures = [], [], []
    with networks.borrowed(kept, job.model, str(job.inputs["network"]), go_on) as recognizer:
        for crops in _crops(kept, faces, names, recognizer):
            go_on()
            made, features = recognizer.embed_pooled(crops)
            templates.append(made)
            pictures.append(np.frombuffer(b"".join(picture_digests(crops)), np.uint8))
            if features is not None:
                pooled.append(features)
    found: dict[str, Any] = {"templates": np.concatenate(templates)}
    found["pictures"] = np.concatenate(pictures).reshape(-1, 32)
    faces_embedded.inc(len(found["templates"]))
    return found | ({"pooled": np.concatenate(pooled)} if pooled else {})


def person_crops(kept: Record, faces: FaceSet, person: str, size: int) -> Pixels:
    """One person's photos, (N, size, size, 3).

    Raises:
        BadPhoto, Corrupt, ObjectMissing, StoreUnavailable
    """
    name = f"face set {faces.name}, {person}"
    return np.stack([decode_crop(data, name, size) for data in kept.faces.photos(faces, person)])


def _crops(
    kept: Record, faces: FaceSet, names: Sequence[str], recognizer: Recognizer
) -> Iterator[Pixels]:
    pool = ThreadPoolExecutor(FETCHES, "fetch")
    try:
        yield from pool.map(
            lambda person: person_crops(kept, faces, person, recognizer.input_size), names
        )
    finally:
        pool.shutdown(cancel_futures=True)


def _face_set(kept: Record, name: str, digest: str) -> FaceSet:
    if digest not in _sets:
        found = kept.faces.get(name)
        if found.digest != digest:
            raise Corrupt(f"face set {name}: another one than the run began with")
        _keep(found)
    return _sets[digest]


def _keep(faces: FaceSet) -> None:
    _sets.clear()
    _sets[faces.digest] = faces
