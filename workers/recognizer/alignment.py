"""Finding faces and cropping them to InsightFace's five-point template."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from storage.errors import BadInput
from workers.recognizer.bad_model import BadModel
from workers.recognizer.container import read_model
from workers.recognizer.initializers import Array, is_external, locate_external
from workers.recognizer.shapes import first_line

LOOK_AT = (640, 640)  # pixels that a photo is scaled into, as InsightFace's own application does
WITH_POINTS = (9, 15)  # outputs of a detector that also finds the five points; SCRFD, RetinaFace
TEMPLATE_SIZES = (112, 128)  # a crop's side is a multiple of one of these


class Face(NamedTuple):
    """A face found in a photo, in the photo's own pixels."""

    box: Array  # (4,) left, top, right, bottom
    score: float
    points: Array  # (5, 2) x, y: eyes, nose, corners of the mouth


class FaceDetector:
    """InsightFace's detector, run from a detection model such as det_10g.onnx.

    Raises:
        BadModel: it is not such a model; one line says why.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        try:
            _check(self.path)
        except BadModel as refusal:
            raise BadModel(f"{path}: {refusal}") from None
        self._detector = self._open()

    def _open(self) -> Any:
        from insightface.model_zoo import get_model

        from workers.recognizer.session import ORT_ERRORS, providers

        try:
            # beside itself InsightFace opens a session for 640 × 640; both may use all cores
            detector = get_model(str(self.path), providers=[name for name, _ in providers()])
            detector.prepare(ctx_id=0, input_size=LOOK_AT)
            detector.detect(np.zeros((*LOOK_AT, 3), np.uint8))
        except (*ORT_ERRORS, LookupError, TypeError, AttributeError) as error:
            raise BadModel(
                f"{self.path}: InsightFace cannot detect with it: {first_line(error)}; "
                "give a detection model such as det_10g.onnx"
            ) from None
        return detector

    def detect(self, image: Array) -> list[Face]:
        """(H, W, 3) uint8 RGB → the faces in it, the surest first."""
        height, width = image.shape[:2]
        if min(height, width) * max(LOOK_AT) < max(height, width):
            return []  # scaled down, such a strip has no pixels left
        boxes, points = self._detector.detect(np.ascontiguousarray(image[..., ::-1]))
        return [Face(b[:4], float(b[4]), p) for b, p in zip(boxes, points, strict=True)]


def align(image: Array, points: Array, size: int = 112) -> Array:
    """(H, W, 3) uint8 RGB and five points → (size, size, 3), as InsightFace crops for recognition.

    Raises:
        BadInput: points that no crop fits, or a size for which InsightFace has no template.
    """
    from insightface.utils import face_align

    if all(size % side for side in TEMPLATE_SIZES):
        raise BadInput(
            f"InsightFace has no template for crops of {size} pixels, only for multiples of "
            "112 and 128; give photos that are already aligned"
        )
    if not np.isfinite(points).all() or np.ptp(points, axis=0).min() < 1:
        raise BadInput("the five points of the face lie on one line; give another photo")
    with warnings.catch_warnings():
        # InsightFace still calls what scikit-image has renamed
        warnings.simplefilter("ignore", FutureWarning)
        crop: Array = face_align.norm_crop(image, np.asarray(points, np.float32), size)
    return crop


def _check(path: Path) -> None:
    """Refuse what is not a detector before InsightFace opens it."""
    if path.suffix != ".onnx":
        raise BadModel("does not end in .onnx, which InsightFace goes by; rename it")
    model, _ = read_model(path)
    for tensor in model.graph.initializer:
        if is_external(tensor):
            locate_external(tensor, path.parent)
    if len(model.graph.output) not in WITH_POINTS:
        raise BadModel(
            f"is not a face detector with five points: it has {len(model.graph.output)} outputs, "
            "and such a detector has 9 or 15; give a detection model such as det_10g.onnx"
        )
