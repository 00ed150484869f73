"""What a model's versions forgot and kept so far, as two small plots with one scale of versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor

from storage.models.lineage import Lineage
from web.models.model_lines import benchmark_tmr

MOST = 60  # versions; the newest ones
WIDTH, HEIGHT = 460, 150  # of the drawing, in its own units
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 10, 26  # margins around the plot
_DOTS = 20  # versions up to which each has its dot
_LABELS = 8  # versions named below it, about


@dataclass(frozen=True)
class Point:
    number: int
    forgotten: int  # people
    kept: float | None  # benchmark TMR relative to the import's; may be above 1
    tmr: float | None


@dataclass(frozen=True)
class Mark:
    """A place on an axis and what stands beside it."""

    at: float
    label: str


@dataclass(frozen=True)
class Plot:
    dots: tuple[tuple[float, float, int], ...]  # x, y, version
    line: str  # points of a polyline
    steps: tuple[Mark, ...]  # of the vertical axis
    versions: tuple[Mark, ...]  # of the horizontal axis


def points(lineage: Lineage) -> list[Point]:
    """The newest versions whose line back to the import was read, rising."""
    found = []
    imports: dict[int, float | None] = {}
    for number in sorted(lineage.versions)[-MOST:]:
        back = lineage.back(number)
        first = back[-1]
        if lineage.versions[first].parent is not None:
            continue
        if first not in imports:
            imports[first] = benchmark_tmr(lineage, first)
        tmr, at_first = benchmark_tmr(lineage, number), imports[first]
        kept = tmr / at_first if tmr is not None and at_first else None
        found.append(Point(number, lineage.subjects(lineage.forgets(number)), kept, tmr))
    return found


def forgotten(found: Sequence[Point]) -> Plot:
    most = max(point.forgotten for point in found)
    step = max(1, ceil(most / 3))
    highest = step * ceil(most / step) if most else 1
    marks = [(float(value), str(value)) for value in range(0, highest + 1, step)]
    values = [(point.number, float(point.forgotten)) for point in found]
    return _plot(found, values, 0.0, float(highest), marks, stepped=True)


def kept(found: Sequence[Point]) -> Plot:
    """From a whole number of percent below the lowest to one above the highest."""
    values = [(point.number, point.kept) for point in found if point.kept is not None]
    rates = [rate for _, rate in values] or [1.0]
    low, high = floor(100 * min(rates) - 0.5), ceil(100 * max(1.0, *rates) + 0.5)
    step = max(1, ceil((high - low) / 3))
    marks = [(value / 100, f"{value} %") for value in range(low, high + 1, step)]
    return _plot(found, values, low / 100, high / 100, marks, stepped=False)


def _plot(
    found: Sequence[Point],
    values: Sequence[tuple[int, float]],
    low: float,
    high: float,
    marks: Sequence[tuple[float, str]],
    *,
    stepped: bool,
) -> Plot:
    places = {point.number: _x(place, len(found)) for place, point in enumerate(found)}

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    dots = [(places[number], y(value), number) for number, value in values]
    corners = [(x, height) for x, height, _ in dots]
    if stepped:  # a version forgets all at once
        between = [((after[0], before[1]), after) for before, after in pairwise(corners)]
        corners = corners[:1] + [corner for pair in between for corner in pair]
    every = ceil(len(found) / _LABELS)
    named = [point.number for point in found[:: max(every, 1)]]
    return Plot(
        dots=tuple(dots) if len(dots) <= _DOTS else (),
        line=" ".join(f"{x},{height}" for x, height in corners),
        steps=tuple(Mark(y(value), label) for value, label in marks),
        versions=tuple(Mark(places[number], str(number)) for number in named),
    )


def _x(place: int, count: int) -> float:
    across = WIDTH - LEFT - RIGHT
    return round(LEFT + across * (place / (count - 1) if count > 1 else 0.5), 1)
