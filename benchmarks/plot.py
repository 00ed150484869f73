"""The picture of the methods: forgetting along one axis, keeping along the other.

Keeping is measured with each version's own threshold at FMR 1e-3: a method that moves everybody
closer together raises the TMR at the old threshold, and has kept nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.table import BEFORE, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

SIZE = (9.0, 6.0)  # inches
ANGLES = (0, 180, 90, 270, 30, 150, 330, 210, 60, 120, 300, 240)  # degrees, the best first
REACH = (9, 16, 26, 40, 58, 80, 110)  # points between a mark and its label
MARK = 5  # points from a mark's middle that no label may cover
TMR_TICKS = (0, 0.01, 0.03, 0.1, 0.3, 1)
POINT_TICKS = (30, 10, 3, 1, 0, -1, -3, -10, -30, -100)
LEAST = 1.5  # percentage points that are shown on either side of zero
ROOM = 1.6  # times the furthest mark, for its label


def draw(file: Path, rows: Sequence[Row]) -> None:
    """Writes SVG (or whatever the suffix says), the same for the same rows."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "lethe", "font.size": 10}):
        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        shown = [row for row in rows if _has(row)]
        marks = [
            (float(row.figures["tmr"] or 0), float(row.figures["kept_own"] or 0)) for row in shown
        ]
        scale(axes, [kept for _, kept in marks])
        for row, (tmr, kept) in zip(shown, marks, strict=True):
            axes.plot(tmr, kept, "o", color="0.55" if row.method == BEFORE else "tab:blue", ms=7)
        figure.canvas.draw()  # settles where everything is, in pixels
        figure.set_layout_engine("none")
        label(axes, [row.method for row in shown], marks)
        metadata: dict[str, Any] = {"Date": None} if file.suffix == ".svg" else {}
        figure.savefig(file, metadata=metadata, dpi=120)


def _has(row: Row) -> bool:
    return None not in (row.figures.get("tmr"), row.figures.get("kept_own"))


def scale(axes: Axes, kept: Sequence[float]) -> None:
    """Straight up to 0.01 and to one point, logarithmic beyond: both ends must be readable."""
    axes.set_xscale("symlog", linthresh=0.01, linscale=0.6)
    axes.set_yscale("symlog", linthresh=1.0, linscale=0.8)
    axes.set_xlim(-0.003, 1.6)
    low = min(-LEAST, ROOM * min(kept, default=0.0))
    high = max(LEAST, ROOM * max(kept, default=0.0))
    axes.set_ylim(low, high)
    axes.set_xticks(TMR_TICKS, [f"{tick:g}" for tick in TMR_TICKS])
    ticks = [tick for tick in POINT_TICKS if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:+d}" if tick else "0" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(
        "forgetting: TMR of the subject's unseen photos at FMR 1e-3 (share of comparisons)"
    )
    axes.set_ylabel(
        "keeping: change of benchmark people's TMR,\n"
        "each version at its FMR 1e-3 (percentage points)"
    )
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_title("Better is further up and further left", fontsize=10, color="0.35", loc="left")


def label(axes: Axes, names: Sequence[str], marks: Sequence[tuple[float, float]]) -> list[Bbox]:
    """Each mark's name beside it, where it covers neither a mark nor another name.

    The figure must have been drawn. Returns where each name is, in pixels.
    """
    from matplotlib.transforms import Bbox

    dots = axes.figure.dpi / 72  # pixels a point
    reach = MARK * dots
    taken = [
        Bbox.from_extents(x - reach, y - reach, x + reach, y + reach)
        for x, y in axes.transData.transform(marks)
    ]
    for name, mark in zip(names, marks, strict=True):
        taken.append(_place(axes, name, mark, taken))
    return taken[len(marks) :]


def _place(axes: Axes, name: str, mark: tuple[float, float], taken: Sequence[Bbox]) -> Bbox:
    """Where the name went, in pixels: the nearest free place, or the last that was tried."""
    text = axes.annotate(
        name,
        mark,
        (0.0, 0.0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.6, "shrinkB": 4},
    )
    for far in REACH:
        for angle in ANGLES:
            right, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            text.set_position((far * right, far * up))
            text.set_horizontalalignment(
                "center" if abs(right) < 0.1 else "left" if right > 0 else "right"
            )
            box = _text_box(text).padded(2)
            if _inside(box, axes.bbox) and not any(box.overlaps(other) for other in taken):
                return box
    return box


def _text_box(text: Annotation) -> Bbox:
    """Without the line that leads to the mark."""
    from matplotlib.text import Text

    text.update_positions(text.axes.figure.canvas.get_renderer())  # type: ignore[union-attr]
    return Text.get_window_extent(text)


def _inside(box: Bbox, frame: Bbox) -> bool:
    return bool(
        box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1
    )
