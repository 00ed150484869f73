"""Detection error trade-off of everybody else (Martin et al. 1997; ISO/IEC 19795-1, 7.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workers.certification.drawings.canvas import (
    AFTER,
    BEFORE,
    DASHED,
    INK,
    Drawing,
    blank,
    unless_empty,
)
from workers.certification.intervals import Floats

_LOWEST = 1e-4  # FNMR drawn: no benchmark has the mated comparisons to tell less
_SAID = (1e-3, 1e-4)  # FMR


def det(name: str, curves: Mapping[str, Any]) -> Drawing:
    """FNMR against FMR, each version at thresholds of its own, both axes logarithmic."""
    found = curves.get("det") or {}
    lists = [found.get(key) or [] for key in ("fmr", "fnmr_old", "fnmr_new")]
    if not unless_empty(*lists):
        return Drawing("Not drawn: there were too few comparisons of different people.")
    old, new = (_points(lists[0], fnmr) for fnmr in lists[1:])
    if len(old[0]) < 2 or len(new[0]) < 2:
        return Drawing("Not drawn: there were too few comparisons of different people.")
    with blank(left=0.75, right=0.25) as canvas:
        axes = canvas.axes
        axes.plot(*old, color=BEFORE, linestyle=DASHED, linewidth=2, label="before")
        axes.plot(*new, color=AFTER, linewidth=1.6, label="after")
        lowest = float(min(old[0].min(), new[0].min()))
        top = min(1.0, max(0.02, 2 * float(max(old[1].max(), new[1].max()))))
        bottom = 0.7 * float(min(old[1].min(), new[1].min()))
        axes.set(xscale="log", yscale="log", xlim=(lowest, 1), ylim=(bottom, top))
        axes.vlines(1e-3, bottom, top, colors=INK, linewidth=1, linestyle=(0, (1, 2)))
        axes.annotate("in use", (1e-3, top), (4, -1), textcoords="offset points", va="top",
                      fontsize=8.5)  # fmt: skip
        axes.set_xlabel("false match rate, FMR")
        axes.set_ylabel("false non-match rate, FNMR")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda rate, _: f"{100 * rate:.6g}%")
            axis.minorticks_off()
        axes.yaxis.set_major_formatter(_floored)
        axes.grid(color="#eceff4", linewidth=0.8)
        axes.set_axisbelow(True)
        canvas.legend()
        return canvas.drawing(name, _words(old, new))


def _floored(rate: float, _: float) -> str:
    return f"{'≤ ' if rate <= _LOWEST else ''}{100 * rate:.6g}%"


def _points(fmr: Sequence[float | None], fnmr: Sequence[float | None]) -> tuple[Floats, Floats]:
    """The measured points by rising FMR. None has a place on a logarithmic axis below 0."""
    points = sorted(
        (false, max(missed, _LOWEST))
        for false, missed in zip(fmr, fnmr, strict=False)
        if false and missed is not None
    )
    return np.array([false for false, _ in points]), np.array([missed for _, missed in points])


def _words(old: tuple[Floats, Floats], new: tuple[Floats, Floats]) -> str:
    words = "Everybody else: of two photos of one person, how many do not match."
    for fmr in _SAID:
        if fmr >= max(old[0][0], new[0][0]):
            before, after = (np.interp(np.log(fmr), np.log(of[0]), of[1]) for of in (old, new))
            words += (
                f" Where {fmr:.2%} of different people match, about {before:.1%} before and "
                f"{after:.1%} after."
            )
    return words
