"""Closed form: the subject's main directions leave the last linear layer, W ← (I − UUᵀ)W.

Costs milliseconds. The layers before still know the subject, and each direction is lost to
everybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.recognizer import Recognizer

Array = NDArray[np.float32]
DIRECTIONS = 8  # of a subject: with fewer the subject is found again, more cost everybody


def project(recognizer: Recognizer, subjects: Sequence[Array]) -> dict[str, Array]:
    """The last layer's initialisers without each subject's main directions.

    ``subjects``: old templates of each subject, (N, D).
    """
    mains = [np.linalg.svd(own, full_matrices=False)[2][:DIRECTIONS] for own in subjects]
    basis = np.linalg.qr(np.concatenate(mains).T)[0]  # (D, k)
    changed = {}
    for name, axis in _parameters(recognizer):
        values = recognizer.file.array(name).astype(np.float32)
        rows = np.moveaxis(values, axis, 0)
        flat = rows.reshape(len(rows), -1)
        kept = (flat - basis @ (basis.T @ flat)).reshape(rows.shape)
        changed[name] = np.ascontiguousarray(np.moveaxis(kept, 0, axis), dtype=np.float32)
    return changed


def _parameters(recognizer: Recognizer) -> Iterator[tuple[str, int]]:
    """Weight and bias of the last linear layer, each with the axis of the embedding."""
    layer = recognizer.last_linear
    yield layer.weight, layer.output_axis
    if layer.bias is not None:
        yield layer.bias, 0
