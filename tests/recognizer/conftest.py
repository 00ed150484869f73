from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.recognizer.networks import SIZE


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def crops() -> NDArray[np.uint8]:
    """Five pictures of nothing: (5, S, S, 3)."""
    return np.random.default_rng(1).integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)


@pytest.fixture(scope="session")
def real_faces() -> Path:
    """The folder with the shared recogniser and faces."""
    beside = Path(__file__).parents[2].parent / "shared" / "faces"
    folder = Path(os.environ.get("LETHE_FACES", beside))
    if not (folder / "models" / "mobilefacenet.onnx").exists():
        pytest.skip(f"no real recogniser: {folder} is absent; set LETHE_FACES")
    return folder
