"""Is the subject forgotten in any picture, or only in crops as they are aligned?

A change trained on crops as given may forget nothing else: mirrored, or cut out a little closer,
the same photos match as before. Altered inputs bring back what an unlearned model seems to have
lost (Xuan and Li 2025, arXiv 2504.14798). Theirs are searched for with the weights at hand; these
are what any camera, codec or test-time augmentation (Shanmugam et al. 2021, arXiv 2011.11156)
does. Both photos of a comparison are changed alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from workers.certification.attacks.photo_pairs import tmr
from workers.certification.figures import Figure, missing
from workers.certification.retained import Benchmark
from workers.certification.templates import Crops, Embedder, embed

FMR = 1e-3
ZOOM = 0.05  # of the side, cut off at each edge
SHIFT = 0.03  # of the side: 3 of 112 pixels, about what a detector's landmarks are off
LIGHT = 0.6
SMALLEST = 20  # pixels a side: in fewer, a shift is none

TITLES = {
    "views_tmr": "TMR (FMR 1e-3) of held-out photos under the change that keeps most matches",
    "views_tmr_before": "the same by the old version",
    "views_tmr_mirrored": "TMR (FMR 1e-3) of held-out photos mirrored",
    "views_tmr_mirrored_before": "the same by the old version",
}


def _mirrored(crop: Crops) -> Crops:
    return crop[:, ::-1]


def _zoomed(crop: Crops) -> Crops:
    side = len(crop)
    edge = round(ZOOM * side)
    return np.asarray(cv2.resize(crop[edge:-edge, edge:-edge], (side, side)), dtype=np.uint8)


def _shifted(crop: Crops) -> Crops:
    """To the right; the left edge is drawn out."""
    by = round(SHIFT * len(crop))
    return np.pad(crop[:, :-by], ((0, 0), (by, 0), (0, 0)), mode="edge")


def _darker(crop: Crops) -> Crops:
    return (LIGHT * crop).astype(np.uint8)


def _grey(crop: Crops) -> Crops:
    return np.repeat(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.uint8)


VIEWS: Mapping[str, Callable[[Crops], Crops]] = {  # (S, S, 3) → (S, S, 3)
    "mirrored": _mirrored,
    "zoomed": _zoomed,
    "shifted": _shifted,
    "darker": _darker,
    "grey": _grey,
}


def figures(
    old: Embedder, new: Embedder, held_out: Crops, benchmark: Benchmark
) -> dict[str, Figure]:
    """All of ``TITLES``, at the old version's threshold.

    Raises:
        BadInput: an embedding is not a number.
    """
    side, photos = held_out.shape[1], len(held_out)
    if side < SMALLEST:
        reason = f"crops of {side} pixels a side; changing them takes {SMALLEST}"
        return {name: missing(reason, photos=photos) for name in TITLES}
    by_view: dict[str, list[Figure]] = {}  # old, new
    for name, change in VIEWS.items():
        changed = np.stack([change(crop) for crop in held_out])
        made = [embed(version, changed, f"held-out photos, {name}")[0] for version in (old, new)]
        by_view[name] = [tmr(of, benchmark.thresholds[FMR], benchmark.seed) for of in made]
    before, after = zip(*by_view.values(), strict=True)
    return {
        "views_tmr": _most(after),
        "views_tmr_before": _most(before),
        "views_tmr_mirrored": by_view["mirrored"][1],
        "views_tmr_mirrored_before": by_view["mirrored"][0],
    }


def _most(found: tuple[Figure, ...]) -> Figure:
    return max(found, key=lambda figure: figure.estimate or 0.0)
