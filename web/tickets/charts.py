"""Losses and rates on their way, each as a small line: the script draws what this computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flask_babel import lazy_gettext as _

from web.tickets.figures import written

WIDTH, HEIGHT, MARGIN = 200, 48, 3  # units of the drawing
# What a figure of the unlearning says, the telling ones first; others follow by their names.
LABELS = {
    "validation TMR": _("TMR, photos that do not train"),
    "validation TMR, spared photos": _("TMR, among those photos alone"),
    "validation cosine": _("Similarity of those photos"),
    "disperse": _("Loss: the subject's photos apart"),
    "pooled": _("Loss: their features apart"),
    "attack": _("Loss: enrolling again"),
    "leave": _("Loss: old templates left behind"),
    "apart": _("Loss: away from everybody else"),
    "views": _("Loss: views of one photo apart"),
    "keep": _("Loss: everybody else kept"),
}


@dataclass(frozen=True)
class Chart:
    name: str
    label: str
    first: str  # the figure at the first point and at the last
    last: str
    line: str  # the ``d`` of an SVG path in WIDTH × HEIGHT

    def document(self) -> dict[str, str]:
        return asdict(self)


def charts(points: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """One for each figure that there are two points of. ``points``: as ``progress.document``."""
    names = dict.fromkeys(name for point in points for name in point["figures"])
    order = [*(name for name in LABELS if name in names), *(n for n in names if n not in LABELS)]
    courses = {
        name: [
            (point["fraction"], point["figures"][name])
            for point in points
            if name in point["figures"]
        ]
        for name in order
    }
    return [_chart(name, course) for name, course in courses.items() if len(course) > 1]


def _chart(name: str, course: Sequence[tuple[float, float]]) -> Chart:
    return Chart(
        name=name,
        label=str(LABELS.get(name, name)),
        first=written(course[0][1]),
        last=written(course[-1][1]),
        line=_line(course),
    )


def _line(course: Sequence[tuple[float, float]]) -> str:
    """From the first point at the left; the right edge is the stage's end."""
    start = course[0][0]
    values = [value for _, value in course]
    low, high = min(0.0, *values), max(values)
    across = (WIDTH - 2 * MARGIN) / ((1 - start) or 1)
    up = (HEIGHT - 2 * MARGIN) / ((high - low) or 1)
    corners = (
        f"{MARGIN + (done - start) * across:.1f} {HEIGHT - MARGIN - (value - low) * up:.1f}"
        for done, value in course
    )
    return "M" + "L".join(corners)
