"""Does the torch module compute what ONNX Runtime computes?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from workers.recognizer.bad_model import BadModel
from workers.recognizer.initializers import Array

if TYPE_CHECKING:
    from workers.recognizer.graph import GraphModule
    from workers.recognizer.recognizer import Recognizer

FACES = 2
LEAST_COSINE = 0.999  # float32 files reach 1 − 1e-6; those that compute in half precision 1 − 1e-4


def check_agreement(recognizer: Recognizer, module: GraphModule) -> None:
    """Embed noise with both.

    Raises:
        BadModel: an operator means something else here than in ONNX Runtime.
    """
    size = recognizer.input_size
    noise = np.random.default_rng(0).integers(0, 256, (FACES, size, size, 3), np.uint8)
    expected = recognizer.embed(noise)
    got = _embed(recognizer, module, noise)
    cosines = (expected * got).sum(axis=1)
    if not (cosines >= LEAST_COSINE).all():
        raise BadModel(
            f"{recognizer.path}: computes something else in training than in ONNX Runtime "
            f"(cosine {cosines.min():.4f}); export it with another opset"
        )


def _embed(recognizer: Recognizer, module: GraphModule, crops: Array) -> Array:
    images = torch.from_numpy(recognizer.preprocess(crops))
    try:
        with torch.no_grad():
            raw: Array = module(images).numpy()
    except (RuntimeError, ValueError, LookupError, TypeError, NotImplementedError) as error:
        raise BadModel(
            f"{recognizer.path}: cannot be trained through: {str(error).splitlines()[0][:200]}"
        ) from None
    with np.errstate(all="ignore"):
        templates: Array = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return templates
