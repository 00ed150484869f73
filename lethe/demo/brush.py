"""The canvas of a portrait, and strokes on it in pixels of the 112x112 crop."""

import cv2
import numpy as np
from numpy.typing import NDArray

Traits = dict[str, float]
Colour = tuple[float, float, float]
Points = NDArray[np.float64]  # (n, 2), pixels of the crop
Canvas = NDArray[np.uint8]

SCALE = 1.5  # canvas pixels per crop pixel
MARGIN = 24  # crop pixels that the canvas shows on each side of the crop
SIZE = int((112 + 2 * MARGIN) * SCALE)
EYES_Y, MIDDLE = 51.6, 56.0
_BITS = 4  # cv2 draws on sixteenths of a pixel
_CIRCLE = np.array([(np.cos(a), np.sin(a)) for a in np.arange(18) * np.pi / 9])


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with `share` (0 … 1) of `other`."""
    share = min(max(share, 0.0), 1.0)
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def _fixed(points: Points) -> NDArray[np.int32]:
    fixed: NDArray[np.int32] = np.rint((points + MARGIN) * (SCALE * 2**_BITS)).astype(np.int32)
    return fixed


def fill(canvas: Canvas, points: Points, colour: Colour | float) -> None:
    cv2.fillPoly(canvas, [_fixed(points)], colour, cv2.LINE_AA, _BITS)


def line(canvas: Canvas, points: Points, colour: Colour, width: float) -> None:
    """A line `width` crop pixels wide, one canvas pixel at least."""
    thick = max(1, round(width * SCALE))
    cv2.polylines(canvas, [_fixed(points)], False, colour, thick, cv2.LINE_AA, _BITS)


def blob(
    canvas: Canvas, at: tuple[float, float], radii: tuple[float, float], colour: Colour
) -> None:
    fill(canvas, _CIRCLE * radii + at, colour)


def curve(knots: Points, steps: int = 5, closed: bool = True) -> Points:
    """A Catmull-Rom curve through the knots (n, 2)."""
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.concatenate([knots[:1], knots, knots[-1:]])
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = (np.arange(steps) / steps)[None, :, None]
    before, start, end, after = (p[:, None, :] for p in (before, start, end, after))
    along = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    flat: Points = along.reshape(-1, 2)
    return flat if closed else np.concatenate([flat, knots[-1:]])


def mirrored(half: list[tuple[float, float]]) -> Points:
    """A closed outline from its right half, given from top to bottom around the middle."""
    right = np.array(half)
    left = right[::-1] * (-1, 1)
    return np.concatenate([right, left]) + (MIDDLE, EYES_Y)


def blend(under: Canvas, over: Canvas, stencil: Canvas) -> None:
    share = stencil[..., None].astype(np.uint16)
    under[:] = ((under * (255 - share) + over * share) // 255).astype(np.uint8)
