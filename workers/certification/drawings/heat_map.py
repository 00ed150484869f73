"""The similarity of each of the subject's photos to each other one. No face is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.certification.drawings.canvas import Canvas, Drawing, blank
from workers.certification.intervals import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

_LEVELS = 20  # of similarity, from 0 and below to 1
_PALE_TO_DARK = ("#f4f6fb", "#b9c5ee", "#6d84da", "#3452cc", "#141f57")  # even steps of grey


def heat_maps(name: str, curves: Mapping[str, Any]) -> tuple[Drawing, Drawing]:
    """Before and after, on one scale. Photos are numbered in the order measured."""
    before, after = (
        _heat_map(f"{name}-{when}", opening, curves.get(key) or [])
        for when, opening, key in (
            ("before", "Before the erasure", "similarity_old"),
            ("after", "After it", "similarity_new"),
        )
    )
    return before, after


def _heat_map(name: str, opening: str, rows: Sequence[Sequence[float | None]]) -> Drawing:
    if not all(rows):  # a row without photos
        rows = []
    measured = np.array(
        [[np.nan if value is None else value for value in row] for row in rows], dtype=np.float64
    ).reshape(len(rows), len(rows))
    pairs = measured[~np.eye(len(measured), dtype=bool)]
    if not np.isfinite(pairs).any():
        return Drawing("Not drawn: it takes two photos to compare.")
    low, middle, high = np.nanpercentile(pairs, [5, 50, 95])
    words = (
        f"{opening}, similarity of {len(measured)} photos of the subject to each other: nine in "
        f"ten pairs between {low:.2f} and {high:.2f}, middle {middle:.2f}."
    )
    with blank(height=3.9, left=0.4, right=0.6, top=0.1) as canvas:
        _draw(canvas.axes, measured)
        _scale(canvas)
        return canvas.drawing(name, words)


def _draw(axes: Axes, similarity: Floats) -> None:
    """One path a level: a path a cell would be a hundred times the bytes."""
    from matplotlib.patches import PathPatch

    photos, colours = len(similarity), _colours()
    levels = np.clip(np.nan_to_num(similarity) * _LEVELS, 0, _LEVELS - 1).astype(int)
    for level in np.unique(levels):
        colour = colours(level)
        # The stroke closes the seams that else show between neighbours.
        axes.add_patch(
            PathPatch(_cells(levels == level), facecolor=colour, edgecolor=colour, linewidth=0.3)
        )
    step = max(1, -(-photos // 10))
    numbers = np.arange(0, photos, step)
    axes.set(
        xlim=(0, photos), ylim=(photos, 0), aspect="equal",
        xticks=numbers + 0.5, xticklabels=numbers + 1,
        yticks=numbers + 0.5, yticklabels=numbers + 1,
        xlabel="photo", ylabel="photo",
    )  # fmt: skip
    axes.spines[:].set_visible(False)


def _cells(there: Any) -> Any:
    """A path round every run of cells in a row of (n, n) booleans."""
    from matplotlib.path import Path

    corners, codes = [], []
    for row, cells in enumerate(there):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], cells.astype(int), [0]])))
        for left, right in edges.reshape(-1, 2):
            corners += [(left, row), (right, row), (right, row + 1), (left, row + 1), (left, row)]
            codes += [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(corners, codes)


def _scale(canvas: Canvas) -> None:
    """What the colours mean, in steps, at the right."""
    axes = canvas.figure.add_axes((0.9, 0.3, 0.025, 0.5))
    for level in range(_LEVELS):
        axes.bar(0, 1.02, 1, level, color=_colours()(level), align="edge")
    axes.set(xlim=(0, 1), ylim=(0, _LEVELS), xticks=[])
    axes.yaxis.tick_right()
    axes.set_yticks([0, _LEVELS / 2, _LEVELS], ["≤ 0", "0.5", "1"])
    axes.spines[:].set_visible(False)


def _colours() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("pale to dark", _PALE_TO_DARK, _LEVELS)
