"""The shared recogniser, on real faces."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import insightface
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from workers.recognizer import Recognizer


@pytest.fixture(scope="module")
def recognizer(real_faces: Path) -> Recognizer:
    return Recognizer.load(real_faces / "models" / "mobilefacenet.onnx")


@pytest.fixture(scope="module")
def faces(real_faces: Path) -> NDArray[np.uint8]:
    files = sorted((real_faces / "people").glob("p0[1-4]/0?.jpg"))[:24]
    return np.stack([cv2.cvtColor(cv2.imread(str(f)), cv2.COLOR_BGR2RGB) for f in files])  # type: ignore[call-overload]


def test_templates_are_those_of_insightface(
    recognizer: Recognizer, faces: NDArray[np.uint8]
) -> None:
    insight = insightface.model_zoo.get_model(str(recognizer.path))
    raw = insight.get_feat([face[..., ::-1] for face in faces])
    theirs = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    assert (recognizer.embed(faces) * theirs).sum(axis=1).min() > 1 - 1e-5


def test_the_module_agrees_with_onnx_runtime(
    recognizer: Recognizer, faces: NDArray[np.uint8]
) -> None:
    module = recognizer.module()
    with torch.no_grad():
        got = module(torch.from_numpy(recognizer.preprocess(faces))).numpy()
    expected = recognizer.features(recognizer.output_name, faces)
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())


def test_all_102_weights_train_and_the_normalisation_of_images_does_not(
    recognizer: Recognizer,
) -> None:
    weights = recognizer.module().weights
    assert len(weights) == 102
    assert not {"input_mean", "input_scale"} & set(weights)
    assert recognizer.last_linear.weight == list(weights)[-2]
    assert recognizer.cut_points()[-1].shape == (512, 1, 1)


def test_embedding_does_not_import_torch(real_faces: Path) -> None:
    model = real_faces / "models" / "mobilefacenet.onnx"
    code = (
        "import sys; from pathlib import Path; from workers.recognizer import Recognizer;"
        f"Recognizer.load(Path({str(model)!r})); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
