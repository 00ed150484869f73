"""How often each attack succeeds: before, after, and on other people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workers.certification.drawings.attacks import Attack, Figures, Measure, measures
from workers.certification.drawings.canvas import (
    AFTER,
    BEFORE,
    INK,
    LINE,
    SMALL,
    Canvas,
    Drawing,
    Look,
    blank,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# No shares of attempts that succeed: less is not better, or there is no upper end.
_NOT_DRAWN = frozenset(
    {
        "relearning_steps",
        "relearning_ratio",
        "relearning_tmr_real_stranger",
        "membership_auc",
        "membership_people_above",
    }
)
_HOLLOW: Look = {"s": 30, "facecolor": "white", "edgecolor": BEFORE, "linewidth": 1.6}
_DIAMOND: Look = {"s": 34, "facecolor": "white", "edgecolor": INK, "linewidth": 1.1, "marker": "D"}
_FILLED: Look = {"s": 40, "facecolor": AFTER, "edgecolor": "white", "linewidth": 0.8}


def rates(name: str, attacks: Sequence[Attack], figures: Figures) -> Drawing:
    """The attacks' figures that are shares of attempts, one under the other."""
    rows = [
        row
        for attack in attacks
        for row in measures(attack, figures)
        if row.after["estimate"] is not None and row.name not in _NOT_DRAWN
    ]
    if not rows:
        return Drawing("Not drawn: none of these attacks was examined.")
    with blank(0.7 + 0.4 * len(rows), left=0.15, right=0.25) as canvas:
        for place, row in enumerate(rows):
            _share(canvas.axes, place, row)
        axes = canvas.axes
        axes.set(xlim=(-1.5, 101.5), ylim=(len(rows) - 0.6, -0.7), yticks=[])
        axes.set_xticks([0, 25, 50, 75, 100], ["0%", "25%", "50%", "75%", "100%"])
        axes.spines[:].set_visible(False)
        _marks(canvas)
        return canvas.drawing(name, _rates_words(rows))


def _share(axes: Axes, place: int, row: Measure) -> None:
    """A label over its track, and the dots on it: readable on a phone, too."""
    axes.annotate(row.title, (0, place), (0, 6.5), textcoords="offset points", fontsize=SMALL)
    axes.hlines(place, 0, 100, colors=LINE, linewidth=1)
    if row.after["interval"]:
        low, high = row.after["interval"]
        axes.hlines(place, 100 * low, 100 * high, colors=AFTER, linewidth=2.2)
    for figure, look in ((row.before, _HOLLOW), (row.reference, _DIAMOND), (row.after, _FILLED)):
        if figure and figure["estimate"] is not None:
            axes.scatter([100 * figure["estimate"]], [place], zorder=3, **look)


def _marks(canvas: Canvas) -> None:
    for look, label in ((_HOLLOW, "before"), (_FILLED, "after"), (_DIAMOND, "reference")):
        canvas.axes.scatter([], [], label=label, **look)
    canvas.legend()


def _rates_words(rows: Sequence[Measure]) -> str:
    said = []
    for row in rows:
        others = [
            f"{who} {figure['estimate']:.1%}"
            for who, figure in (("before", row.before), ("reference", row.reference))
            if figure and figure["estimate"] is not None
        ]
        said.append(", ".join([f"{row.title}: {row.after['estimate']:.1%} after", *others]))
    return "Attacks on the new version. " + "; ".join(said) + "."
