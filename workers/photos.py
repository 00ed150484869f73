"""From a subject's photos to crops that can be used, each refusal with its file and reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.canonical import sha256
from storage.errors import BadInput
from storage.settings import MIB
from storage.tickets.photos import Photo
from storage.uploads.images import BadPhoto, Pixels, Reason, decode
from workers.gauge import Gauge, norms
from workers.recognizer import FaceDetector, Recognizer, align

Templates = NDArray[np.float32]

# Two templates nearer than this come from one picture saved twice. Of 26,000 mated pairs of
# different photos of 16 people, none reached 0.99 and one in 26,000 reached 0.98.
SAME_PICTURE = 0.98
HELD_OUT = 3  # one photo in three only ever judges


class TwoPeople(BadInput):
    """The photos show more than one person."""

    def __init__(self, others: Sequence[str]) -> None:
        super().__init__(
            f"the photos show two people: {', '.join(others)} do not look like the others; "
            "make one ticket for each person"
        )
        self.others = tuple(others)  # names of the photos of whom there are fewer


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
class Sorted:
    crops: tuple[Crop, ...]
    refused: tuple[BadPhoto, ...]


def sort_photos(
    photos: Sequence[Photo],
    recognizer: Recognizer,
    gauge: Gauge,
    detector: FaceDetector | None = None,
    limits: Limits | None = None,
    watch: Callable[[int], object] = lambda _: None,
) -> Sorted:
    """Decodes and aligns, and refuses what is no face, a duplicate or somebody else.

    ``watch`` gets how many photos were looked at, after each.

    Raises:
        TwoPeople: a third or more of the photos show one other person.
    """
    crops: list[Crop] = []
    refused: list[BadPhoto] = []
    for number, photo in enumerate(photos, start=1):
        try:
            crops.append(crop_of(photo, recognizer.input_size, detector, limits or Limits()))
        except BadPhoto as error:
            refused.append(error)
        watch(number)
    found = sort_crops(crops, recognizer, gauge)
    return Sorted(found.crops, (*refused, *found.refused))


def sort_crops(crops: Sequence[Crop], recognizer: Recognizer, gauge: Gauge) -> Sorted:
    """What ``sort_photos`` does with photos once each is a crop.

    Raises:
        TwoPeople
    """
    if not crops:
        return Sorted((), ())
    unique, duplicates, templates = _without_duplicates(crops, recognizer)
    lengths = norms(recognizer, np.stack([crop.pixels for crop in unique]))
    kept, others = _one_person(unique, templates, lengths > gauge.least_norm, gauge)
    return Sorted(tuple(kept), (*duplicates, *others))


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


def crop_of(photo: Photo, size: int, detector: FaceDetector | None, limits: Limits) -> Crop:
    """
    Raises:
        BadPhoto: no picture, or not one that shows one face.
    """
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


def _without_duplicates(
    crops: Sequence[Crop], recognizer: Recognizer
) -> tuple[list[Crop], list[BadPhoto], Templates]:
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
    crops: Sequence[Crop], templates: Templates, face: NDArray[np.bool_], gauge: Gauge
) -> tuple[list[Crop], list[BadPhoto]]:
    """The largest group of photos that look like one person; the others are refused.

    A picture that may be no face is one all the same where it looks like the subject.
    """
    sure = np.flatnonzero(face)
    subject = sure[_largest_group(templates[sure], gauge.person_cut)]
    if len(sure) - len(subject) >= max(2, len(sure) / 3):
        raise TwoPeople([crops[index].name for index in np.setdiff1d(sure, subject)])
    similar = _similar(templates, subject, gauge.person_cut)
    kept, refused = [], []
    for index, crop in enumerate(crops):
        if index in subject or (not face[index] and similar[index]):
            kept.append(crop)
        elif face[index]:
            why = "does not look like the other photos: somebody else, or a poor picture"
            refused.append(BadPhoto(crop.name, Reason.SOMEBODY_ELSE, f"{why}; leave it out"))
        else:
            why = "no face that the recogniser can see; give a photo that shows the face"
            refused.append(BadPhoto(crop.name, Reason.NO_FACE, why))
    return kept, refused


def _largest_group(templates: Templates, cut: float) -> NDArray[np.int64]:
    """Rows of the largest group by average linkage; all of them where there are too few."""
    if len(templates) < HELD_OUT:
        return np.arange(len(templates))
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distances = 1.0 - templates.astype(np.float64) @ templates.T.astype(np.float64)
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances.clip(0.0), checks=False), "average")
    groups = fcluster(tree, 1.0 - cut, "distance")
    return np.flatnonzero(groups == np.bincount(groups).argmax())


def _similar(templates: Templates, subject: NDArray[np.int64], cut: float) -> NDArray[np.bool_]:
    """Whether each template is, on average, as near to the subject's as one person's are."""
    if not len(subject):
        return np.zeros(len(templates), dtype=bool)
    return np.asarray((templates @ templates[subject].T).mean(1) >= cut)
