"""The frozen part of the network: its activations, made once by ONNX Runtime and kept on disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workers.recognizer import CutPoint, Recognizer
from workers.unlearning.augmentation import LIGHT, STRONG, views
from workers.unlearning.plan import Plan

if TYPE_CHECKING:
    from storage.uploads.images import Pixels

Half = NDArray[np.float16]


def choose_cut(points: Sequence[CutPoint], plan: Plan) -> CutPoint:
    """The earliest cut after which no more is left to compute than the plan allows."""
    whole = max(point.macs_after for point in points)
    most = max(plan.tail_share * whole, plan.tail_macs)
    return next((point for point in points if point.macs_after <= most), points[-1])


def at_cut(recognizer: Recognizer, cut: CutPoint, crops: Pixels) -> Half:
    """(…, S, S, 3) crops → (…, *shape of the cut). Half precision: the cache is half as large."""
    flat = crops.reshape(-1, *crops.shape[-3:])
    found = recognizer.features(cut.tensor, flat).astype(np.float16)
    return found.reshape(*crops.shape[:-3], *cut.shape)


def reference_activations(
    recognizer: Recognizer, cut: CutPoint, crops: Pixels, cache: Path | None
) -> Half:
    """(N, S, S, 3) → (N, 3, *shape of the cut): each face, a light and a strong view of it.

    With a ``cache`` folder they are kept there under the digest of everything that they depend
    on: the network, the faces and how the views are drawn. Nothing of a subject is ever cached.
    """
    if cache is None:
        return at_cut(recognizer, cut, _shown(crops))
    file = cache / f"{_key(recognizer, cut, crops)}.npy"
    if not file.exists():
        made = at_cut(recognizer, cut, _shown(crops))
        cache.mkdir(parents=True, exist_ok=True)
        _keep(made, file)
    return np.asarray(np.load(file, allow_pickle=False), dtype=np.float16)


def _keep(made: Half, file: Path) -> None:
    """All of it or nothing: what a full disk cut off must not keep it full."""
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as scratch:
        try:
            np.save(scratch, made)
            scratch.flush()
            os.replace(scratch.name, file)
        except OSError:
            os.unlink(scratch.name)
            raise


def _shown(crops: Pixels) -> Pixels:
    light, strong = views(crops, 1, 0, LIGHT), views(crops, 1, 0, STRONG)
    return np.concatenate([crops[:, None], light, strong], axis=1)


def _key(recognizer: Recognizer, cut: CutPoint, crops: Pixels) -> str:
    """The prefix's own weights count, not the tail's: the next version finds the cache warm."""
    from storage.canonical import canonical, sha256

    tail = set(cut.parameters)
    weights = {
        name: sha256(np.ascontiguousarray(recognizer.file.array(name)).tobytes())
        for name in recognizer.file.initializers
        if name not in tail
    }
    faces = sha256(np.ascontiguousarray(crops).tobytes())
    return sha256(canonical({"weights": weights, "cut": cut.tensor, "faces": faces, "format": 2}))
