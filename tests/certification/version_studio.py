"""The demo recogniser, synthetic people on disk, and versions written as ONNX files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lethe.demo.people import UNSEEN, write_people
from tests.certification.version_training import HOLD, Loss, scatter, train
from tests.certification.worlds import Vectors
from workers.certification import Certification, Policy, Subject, certify
from workers.certification.templates import Crops, Templates
from workers.faces import read_faces
from workers.recognizer import Recognizer

RECOGNISER = Path(__file__).parents[2] / "lethe" / "demo" / "recogniser.onnx"
SUBJECT = UNSEEN.start
BENCHMARK = range(SUBJECT + 40, SUBJECT + 68)  # 28 people, 6 photos each: 13,608 non-mated
REFERENCE = range(SUBJECT + 80, SUBJECT + 140)
FORGET, HELD_OUT, PHOTOS_EACH = 80, 16, 6


@dataclass(frozen=True)
class Studio:
    """The recogniser as it is, one subject, people to keep, and others to train with."""

    folder: Path
    old: Recognizer
    subject: Subject
    benchmark: Mapping[str, Crops]
    reference: Crops

    @classmethod
    def open(cls, folder: Path) -> Studio:
        write_people(folder / "benchmark", BENCHMARK, PHOTOS_EACH)
        write_people(folder / "reference", REFERENCE, PHOTOS_EACH)
        write_people(folder / "forget", [SUBJECT], FORGET)
        write_people(folder / "held-out", [SUBJECT], HELD_OUT, start=FORGET)
        old = Recognizer.load(RECOGNISER)
        benchmark, reference, forget, held_out = (
            dict(read_faces(folder / name, old.input_size).people)
            for name in ("benchmark", "reference", "forget", "held-out")
        )
        subject = Subject("subject", *(next(iter(each.values())) for each in (forget, held_out)))
        return cls(folder, old, subject, benchmark, np.concatenate(list(reference.values())))

    @property
    def held_out_folder(self) -> Path:
        return next((self.folder / "held-out").iterdir())

    def certify(self, new: Recognizer) -> Certification:
        """By the default policy, with the one attack that it asks for: others cost time."""
        rules, chosen = Policy.named(), frozenset({"pooled"})
        return certify(self.old, new, [self.subject], self.benchmark, rules, attacks=chosen)

    def trained(
        self,
        name: str,
        steps: int,
        loss: Loss = scatter,
        own: Crops | None = None,
        hold: float = HOLD,
    ) -> Recognizer:
        """The last blocks trained on the subject's forget photos, or on ``own``."""
        photos = self.subject.forget if own is None else own
        made = train(self.old, loss, photos, self.reference, steps=steps, hold=hold)
        return self.written(name, self.old, made)

    def edited(
        self, name: str, base: Recognizer, matrix: Vectors, shift: Vectors | float = 0.0
    ) -> Recognizer:
        """``base`` with y → A y + c after its last layer, which is changed alone."""
        layer = base.last_linear
        bias = str(layer.bias)
        tensors = {
            layer.weight: np.tensordot(matrix, base.file.array(layer.weight), axes=1),
            bias: matrix @ base.file.array(bias) + shift,
        }
        return self.written(name, base, tensors)

    def raw(self, version: Recognizer, crops: Crops) -> Vectors:
        """(N, D) embeddings, not of unit length."""
        found = version.features(version.output_name, crops)
        return found.reshape(len(crops), -1).astype(np.float64)

    def directions(self, version: Recognizer, crops: Crops, count: int) -> Vectors:
        """(count, D) main directions of the templates, orthonormal."""
        templates = version.embed(crops).astype(np.float64)
        found: Vectors = np.linalg.svd(templates, full_matrices=False)[2][:count]
        return found

    def written(
        self, name: str, base: Recognizer, tensors: Mapping[str, Vectors | Templates]
    ) -> Recognizer:
        path = self.folder / f"{name}.onnx"
        base.write(path, {key: values.astype(np.float32) for key, values in tensors.items()})
        return Recognizer.load(path)
