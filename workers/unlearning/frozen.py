"""The frozen part of the network: its activations, made once by ONNX Runtime and kept on disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from storage.canonical import canonical, sha256
from storage.images import Pixels
from workers.recognizer import Recognizer
from workers.recognizer.topology import CutPoint
from workers.unlearning.augmentation import views

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Activations:
    """Of N faces, each as itself and in V − 1 views."""

    cut: NDArray[np.float16]  # (N, V, *shape of the cut)
    templates: Array  # (N, V, D), unit length, by the network as it was
    pooled: Array  # (N, V, F), by the network as it was


def choose_cut(points: Sequence[CutPoint], share: float) -> CutPoint:
    """The earliest cut with at most ``share`` of the network's multiply-adds after it."""
    whole = max(point.macs_after for point in points)
    return next((point for point in points if point.macs_after <= share * whole), points[-1])


def activations(
    recognizer: Recognizer,
    cut: CutPoint,
    crops: Pixels,
    count: int,
    seed: int,
    cache: Path | None = None,
) -> Activations:
    """Activations of (N, S, S, 3) crops and ``count`` views of each.

    With a ``cache`` folder the result is kept there under the digest of everything that it
    depends on: the network, the faces and how the views are drawn. Only for reference faces:
    nothing of a subject is ever cached.
    """
    if cache is None:
        return _compute(recognizer, cut, crops, count, seed)
    file = cache / f"{_key(recognizer, cut, crops, count, seed)}.npz"
    if file.exists():
        with np.load(file, allow_pickle=False) as kept:
            return Activations(kept["cut"], kept["templates"], kept["pooled"])
    made = _compute(recognizer, cut, crops, count, seed)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=cache, suffix=".part", delete=False) as scratch:
        np.savez(scratch, cut=made.cut, templates=made.templates, pooled=made.pooled)
    os.replace(scratch.name, file)
    return made


def _compute(
    recognizer: Recognizer, cut: CutPoint, crops: Pixels, count: int, seed: int
) -> Activations:
    shown = views(crops, count, seed)
    flat = shown.reshape(-1, *shown.shape[2:])
    shape = shown.shape[:2]
    at_cut = recognizer.features(cut.tensor, flat).astype(np.float16)
    pooled = recognizer.features(recognizer.last_linear.features, flat)
    return Activations(
        at_cut.reshape(*shape, *cut.shape),
        recognizer.embed(flat).reshape(*shape, -1),
        pooled.reshape(*shape, -1),
    )


def _key(recognizer: Recognizer, cut: CutPoint, crops: Pixels, count: int, seed: int) -> str:
    return sha256(
        canonical(
            {
                "model": recognizer.sha256,
                "cut": cut.tensor,
                "faces": sha256(np.ascontiguousarray(crops).tobytes()),
                "views": count,
                "seed": seed,
                "format": 1,
            }
        )
    )
