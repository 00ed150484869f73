"""Faces embedded a second, beside InsightFace's own ONNX Runtime session on the same faces."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from storage.uploads.images import Pixels
from workers.recognizer import Recognizer

REPEATS = 5  # of each, in turns: what else the machine does then meets all of them
BATCHES = (1, 16, 64)  # faces that InsightFace is given at a time; it has no size of its own


def throughput(recognizer: Recognizer, faces: Pixels) -> Iterator[str]:
    """Lines that say the median of each, and ours against InsightFace's best.

    ``faces``: (N, S, S, 3) RGB.
    """
    ours = "Recognizer.embed"
    ways: dict[str, Callable[[], Any]] = {ours: lambda: recognizer.embed(faces)}
    for size in BATCHES:
        ways[f"InsightFace, {size} at a time"] = _insightface(recognizer, faces, size)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for embed in ways.values():
        embed()  # the first time opens and warms things
    for _ in range(REPEATS):
        for name, embed in ways.items():
            start = time.monotonic()
            embed()
            taken[name].append(time.monotonic() - start)
    rates = {name: len(faces) / float(np.median(seconds)) for name, seconds in taken.items()}
    yield f"embedding {len(faces)} faces, median of {REPEATS} in turns:"
    yield from (f"  {name:28}{rate:6.0f} faces/s" for name, rate in rates.items())
    best = max(rate for name, rate in rates.items() if name != ours)
    yield f"  that is {rates[ours] / best:.2f} times InsightFace's best"


def _insightface(recognizer: Recognizer, faces: Pixels, size: int) -> Callable[[], None]:
    from insightface.model_zoo import get_model

    with contextlib.redirect_stdout(io.StringIO()):  # it prints its providers
        model = get_model(str(recognizer.path), providers=["CPUExecutionProvider"])
    pictures = list(np.ascontiguousarray(faces[..., ::-1]))  # it wants BGR

    def embed() -> None:
        for start in range(0, len(pictures), size):
            model.get_feat(pictures[start : start + size])

    return embed
