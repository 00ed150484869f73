"""With which eyes a model's photos are looked at: its first version, and what its faces say."""

from __future__ import annotations

from dataclasses import dataclass

from storage.models.registry import Version
from storage.record import Record
from workers import versions
from workers.faces import load_face_set
from workers.gauge import Gauge
from workers.photos import Limits
from workers.recognizer import FaceDetector, Recognizer

# Two figures each, which take minutes to measure on large face sets. By the digests of the version
# and of the face set, so what is measured once stays true.
_gauges: dict[tuple[str, str], Gauge] = {}


FACES = 2000  # two million comparisons: the threshold at FMR 1e-3 rests on two thousand of them


@dataclass(frozen=True)
class Sight:
    recognizer: Recognizer
    gauge: Gauge
    detector: FaceDetector | None
    limits: Limits

    @classmethod
    def of(cls, kept: Record, model: str) -> Sight:
        """
        Raises:
            NoSuchModel, NoSuchFaceSet, NoPeople, TooFewFaces, VersionDeleted
        """
        # The import, while it is kept, and not the current version: one that forgot the subject
        # cannot tell whether the photos show one person.
        first = kept.models.oldest_kept(model)
        recognizer = versions.recognizer(kept, first)
        config = kept.settings
        return cls(
            recognizer,
            _gauge(kept, model, first, recognizer),
            FaceDetector(config.detector) if config.detector else None,
            Limits(config.photo_bytes, config.photo_pixels),
        )


def _gauge(kept: Record, model: str, version: Version, recognizer: Recognizer) -> Gauge:
    name = kept.models.get(model).reference_faces
    measured = (version.digest, kept.faces.get(name).digest)
    if measured not in _gauges:
        reference = load_face_set(kept, name, recognizer.input_size, most=FACES)
        _gauges[measured] = Gauge.from_faces(recognizer, reference)
    return _gauges[measured]
