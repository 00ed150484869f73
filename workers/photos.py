"""From a subject's photos to crops that can be used, each refusal with its file and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.canonical import sha256
from storage.errors import BadInput
from storage.images import BadPhoto, Pixels, Reason, decode
from storage.photos import Photo
from storage.settings import MIB
from workers.faces import Faces
from workers.recognizer import FaceDetector, Recognizer, align

Templates = NDArray[np.float32]

# Two templates nearer than this come from one picture saved twice. Of 26,000 mated pairs of
# different photos of 16 people, none reached 0.99 and one in 26,000 reached 0.98.
SAME_PICTURE = 0.98
HELD_OUT = 3  # one photo in three only ever judges


class TwoPeople(BadInput):
    """The photos show more than one person."""


class TooFewPhotos(BadInput):
    """Not enough usable photos are left."""


@dataclass(frozen=True)
class Limits:
    """Bounds on a file before it is decoded."""

    photo_bytes: int = 20 * MIB
    photo_pixels: int = 50_000_000


@dataclass(frozen=True, eq=False)
class Crop:
    name: str
    pixels: Pixels  # (S, S, 3) RGB, aligned

    @property
    def order(self) -> str:
        """What the split is drawn by: the picture alone, so that it is the same every time."""
        return sha256(self.pixels.tobytes())


@dataclass(frozen=True)
class Gauge:
    """What the model's reference faces say about faces in general."""

    least_norm: float  # an embedding no longer than this was no face
    person_cut: float  # mean cosine of two groups of photos below which they are two people

    @classmethod
    def from_faces(cls, recognizer: Recognizer, faces: Faces) -> Gauge:
        """
        The length of an embedding before normalisation grows with how much of a face there is
        (MagFace, Meng et al., CVPR 2021): pictures of noise show where no face begins. Half
        the threshold separated two people in 97 of 100 mixed groups, and split none that was one.
        """
        noise = float(np.quantile(_norms(recognizer, _no_faces(recognizer.input_size)), 0.99))
        telling = float(np.quantile(faces.norms(recognizer), 0.05)) > noise
        return cls(noise if telling else 0.0, faces.threshold(recognizer) / 2)


@dataclass(frozen=True)
class Sorted:
    crops: tuple[Crop, ...]
    refused: tuple[BadPhoto, ...]


def sort_photos(
    photos: Sequence[Photo],
    recognizer: Recognizer,
    gauge: Gauge,
    detector: FaceDetector | None = None,
    limits: Limits | None = None,
) -> Sorted:
    """Decodes and aligns, and refuses what is no face, a duplicate or somebody else.

    Raises:
        TwoPeople: a third or more of the photos show one other person.
    """
    crops: list[Crop] = []
    refused: list[BadPhoto] = []
    for photo in photos:
        try:
            crops.append(_crop(photo, recognizer.input_size, detector, limits or Limits()))
        except BadPhoto as error:
            refused.append(error)
    if not crops:
        return Sorted((), tuple(refused))
    faces, no_faces = _without_no_faces(crops, recognizer, gauge)
    unique, duplicates, templates = _without_duplicates(faces, recognizer)
    kept, others = _one_person(unique, templates, gauge)
    return Sorted(tuple(kept), (*refused, *no_faces, *duplicates, *others))


def split(crops: Sequence[Crop]) -> tuple[list[Crop], list[Crop]]:
    """Forget photos and held-out photos; at least one in three is held out.

    Raises:
        TooFewPhotos: fewer than three.
    """
    if len(crops) < HELD_OUT:
        raise TooFewPhotos(
            f"{len(crops)} usable photos: at least {HELD_OUT} are needed, two to forget "
            "and one to judge; add photos"
        )
    shuffled = sorted(crops, key=lambda crop: crop.order)
    held_out = -(-len(shuffled) // HELD_OUT)
    return shuffled[held_out:], shuffled[:held_out]


def _crop(photo: Photo, size: int, detector: FaceDetector | None, limits: Limits) -> Crop:
    pixels = decode(
        photo.data, photo.name, max_bytes=limits.photo_bytes, max_pixels=limits.photo_pixels
    )
    if pixels.shape[:2] == (size, size):
        return Crop(photo.name, pixels)
    height, width = pixels.shape[:2]
    if detector is None:
        why = (
            f"{width}×{height} pixels, not an aligned {size}×{size} crop, and no detector is set "
            "to find the face; set LETHE_DETECTOR to InsightFace's detection model"
        )
        raise BadPhoto(photo.name, Reason.NOT_CROPPED, why)
    faces = detector.detect(pixels)
    if len(faces) != 1:
        reason = Reason.SEVERAL_FACES if faces else Reason.NO_FACE
        why = f"{len(faces) or 'no'} faces found; give a photo that shows the subject alone"
        raise BadPhoto(photo.name, reason, why)
    return Crop(photo.name, align(pixels, faces[0].points, size))


def _norms(recognizer: Recognizer, pixels: Pixels) -> NDArray[np.float32]:
    """Length of each embedding before normalisation, (N,)."""
    raw = recognizer.features(recognizer.file.output_name, pixels).reshape(len(pixels), -1)
    return np.asarray(np.linalg.norm(raw, axis=1), dtype=np.float32)


def _no_faces(size: int) -> Pixels:
    """Sixty pictures without a face: noise at several scales, and plain colours."""
    rng = np.random.default_rng(0)
    pictures = []
    for scale in (1, 2, 4, 8, 16, 32):
        coarse = rng.integers(0, 256, (8, -(-size // scale), -(-size // scale), 3), dtype=np.uint8)
        pictures.append(coarse.repeat(scale, 1).repeat(scale, 2)[:, :size, :size])
    plain = rng.integers(0, 256, (12, 1, 1, 3), dtype=np.uint8)
    pictures.append(np.broadcast_to(plain, (12, size, size, 3)))
    return np.concatenate(pictures)


def _without_no_faces(
    crops: Sequence[Crop], recognizer: Recognizer, gauge: Gauge
) -> tuple[list[Crop], list[BadPhoto]]:
    norms = _norms(recognizer, np.stack([crop.pixels for crop in crops]))
    faces, refused = [], []
    for crop, norm in zip(crops, norms, strict=True):
        if norm > gauge.least_norm:
            faces.append(crop)
        else:
            why = "no face that the recogniser can see; give a photo that shows the face"
            refused.append(BadPhoto(crop.name, Reason.NO_FACE, why))
    return faces, refused


def _without_duplicates(
    crops: Sequence[Crop], recognizer: Recognizer
) -> tuple[list[Crop], list[BadPhoto], Templates]:
    if not crops:
        return [], [], np.zeros((0, recognizer.embedding_size), np.float32)
    templates = recognizer.embed(np.stack([crop.pixels for crop in crops]))
    similar = templates @ templates.T > SAME_PICTURE
    kept: list[int] = []
    refused = []
    for index, crop in enumerate(crops):
        twin = next((other for other in kept if similar[index, other]), None)
        if twin is None:
            kept.append(index)
        else:
            why = f"the same picture as {crops[twin].name}; each photo counts once"
            refused.append(BadPhoto(crop.name, Reason.DUPLICATE, why))
    return [crops[index] for index in kept], refused, templates[kept]


def _one_person(
    crops: Sequence[Crop], templates: Templates, gauge: Gauge
) -> tuple[list[Crop], list[BadPhoto]]:
    """The largest group of photos that look like one person; the others are refused."""
    if len(crops) < HELD_OUT:
        return list(crops), []
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distances = 1.0 - templates.astype(np.float64) @ templates.T.astype(np.float64)
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances.clip(0.0), checks=False), "average")
    groups = fcluster(tree, 1.0 - gauge.person_cut, "distance")
    sizes = np.bincount(groups)
    subject = int(sizes.argmax())
    others = np.delete(sizes, subject)
    same = [crop for crop, group in zip(crops, groups, strict=True) if group == subject]
    odd = [crop for crop, group in zip(crops, groups, strict=True) if group != subject]
    if others.max(initial=0) >= max(2, len(crops) / 3):
        names = ", ".join(crop.name for crop in odd)
        raise TwoPeople(
            f"the photos show two people: {names} do not look like the others; "
            "make one ticket for each person"
        )
    why = "does not look like the other photos: somebody else, or a poor picture; leave it out"
    refused = [BadPhoto(crop.name, Reason.SOMEBODY_ELSE, why) for crop in odd]
    return same, refused
