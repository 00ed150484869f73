"""A registered training set as a folder: who trained the model, who did not, models without them.

DIR/members/<subject>/*.jpg        the subject's photos that the old version was trained on
DIR/non-members/<person>/*.jpg     photos of people whom no version was trained on
DIR/reference-models/*.onnx        trained alike, on none of these photos
"""

from __future__ import annotations

from pathlib import Path

from storage.errors import BadInput
from workers.certification.attacks.membership import TrainingSet
from workers.faces import read_faces
from workers.recognizer import Recognizer

MEMBERS, NON_MEMBERS, MODELS = "members", "non-members", "reference-models"


class BadTrainingSet(BadInput):
    """A folder that no training set can be read from."""


def read_training_set(path: Path, size: int) -> TrainingSet:
    """All of it, as crops of ``size`` pixels a side.

    Raises:
        BadTrainingSet: a folder or a model is missing, or a model takes crops of another size.
        BadModel, BadPhoto
        BadEvidence: too little to compare with; see ``TrainingSet``.
    """
    for name in (MEMBERS, NON_MEMBERS, MODELS):
        if not (path / name).is_dir():
            raise BadTrainingSet(
                f"{path / name}: not a folder; a training set holds {MEMBERS}/<subject>/*.jpg, "
                f"{NON_MEMBERS}/<person>/*.jpg and {MODELS}/*.onnx"
            )
    return TrainingSet(
        read_faces(path / MEMBERS, size).people,
        read_faces(path / NON_MEMBERS, size).people,
        _models(path / MODELS, size),
    )


def _models(folder: Path, size: int) -> list[Recognizer]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".onnx")
    if not paths:
        raise BadTrainingSet(
            f"{folder}: holds no .onnx file; give one or more models that were trained alike, but "
            "never on the subjects"
        )
    models = [Recognizer.load(path) for path in paths]
    for model in models:
        if model.input_size != size:
            raise BadTrainingSet(
                f"{model.path}: takes crops of {model.input_size} pixels a side, and the model to "
                f"certify takes {size}; give reference models of the same input"
            )
    return models
