"""Real faces and the real recogniser: a `.bin` of them, never kept, against InsightFace's way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.preprocessing import normalize

from tests.certification.pair_files import write_bin
from tests.certification.test_verification_figures import insightface_accuracies
from workers.certification.verification import figures, read_verification
from workers.recognizer import Recognizer

PAIRS, PHOTOS = 400, 8  # of each person


def test_accuracy_on_real_faces_is_that_of_a_plain_recomputation(
    shared_faces: Path, tmp_path: Path
) -> None:
    files = [sorted(own.iterdir())[:PHOTOS] for own in sorted((shared_faces / "people").iterdir())]
    rng = np.random.default_rng(0)
    found, labels = [], []
    for number in range(PAIRS):
        own, other = rng.choice(len(files), 2, replace=False)
        first, second = rng.choice(PHOTOS, 2, replace=False)
        labels.append(number % 2 == 0)
        found += [files[own][first], files[own if labels[-1] else other][second]]
    path = write_bin(tmp_path / "real.bin", ([file.read_bytes() for file in found], labels))
    recognizer = Recognizer.load(shared_faces / "models" / "mobilefacenet.onnx")
    benchmark = read_verification(path, recognizer.input_size)
    figure, (document,) = figures([benchmark], recognizer, recognizer)

    import cv2

    photos = sorted(set(found))
    crops = np.stack([cv2.imread(str(photo))[..., ::-1] for photo in photos])
    raw = recognizer.features(recognizer.output_name, crops).reshape(len(crops), -1)
    plain = normalize(raw)[[photos.index(file) for file in found]]
    expected = insightface_accuracies(plain, np.array(labels))
    assert document["accuracy"]["estimate"] == pytest.approx(expected.mean(), abs=0.01)
    assert 0.93 < document["accuracy"]["estimate"] <= 1
    assert document["accuracy"]["standard_error"] < 0.02
    assert document["photos"] <= len(photos)
    assert figure["verification_accuracy_drop"].estimate == 0
    assert figure["verification_cross_version_accuracy_drop"].estimate == 0
