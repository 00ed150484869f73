"""Random views of a face: what changes between two photos of one person, drawn at random.

Few photos must stand for all that could be taken. Light views stay close to what a camera gives;
strong ones are harder than most photos: dark, blurred, covered. Views of one photo are mated with
each other like any two photos. OpenCV is loaded when the first is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from storage.uploads.images import Pixels

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Strength:
    """Standard deviations, and shares of the views that something is done to."""

    turn: float  # degrees
    shift: float  # of the side
    scale: float  # natural logarithm
    shear: float
    gamma: float  # natural logarithm
    contrast: float  # natural logarithm
    brightness: float  # of white
    colour: float  # natural logarithm, each channel
    side_light: float  # share lit from one side
    grey: float  # share without colour
    shrunk: float  # share taken from far away
    blurred: float  # share out of focus
    compressed: float  # share saved as a small JPEG
    noisy: float
    covered: float  # share with a box over part of the face


LIGHT = Strength(2, 0.011, 0.025, 0, 0.12, 0.1, 0.04, 0, 0, 0, 0.3, 0, 0, 0, 0)
STRONG = Strength(4, 0.022, 0.05, 0.03, 0.25, 0.2, 0.08, 0.06, 0.5, 0.15, 0.2, 0.2, 0.2, 0.3, 0.35)


def views(crops: Pixels, count: int, seed: int, strength: Strength) -> Pixels:
    """(N, S, S, 3) → (N, count, S, S, 3)."""
    made = []
    for index, crop in enumerate(crops):
        rng = np.random.default_rng([seed, index])
        made.append([view(crop, rng, strength) for _ in range(count)])
    return np.array(made, dtype=np.uint8).reshape(len(crops), count, *crops.shape[1:])


def view(crop: Pixels, rng: np.random.Generator, strength: Strength) -> Pixels:
    """One random view of a crop, (S, S, 3) RGB."""
    image = _toned(_moved(crop, rng, strength), rng, strength)
    if rng.random() < strength.side_light:
        image = _lit(image, rng)
    if rng.random() < strength.grey:
        image = np.repeat(image.mean(2, keepdims=True), 3, 2)
    bright = np.asarray(image.clip(0.0, 1.0) * 255.0, dtype=np.float32)
    image = _degraded(bright, rng, strength)
    if rng.random() < strength.noisy:
        noise = rng.normal(0.0, abs(rng.normal(0.0, 8.0)), image.shape)
        image = np.asarray(image + noise, dtype=np.float32)
    if rng.random() < strength.covered:
        image = _covered(image, rng)
    return np.asarray(image.clip(0.0, 255.0), dtype=np.uint8)


def _moved(crop: Pixels, rng: np.random.Generator, strength: Strength) -> Floats:
    """Mirrored in half of the views, shifted, turned, scaled, sheared; values 0…1."""
    import cv2

    size = crop.shape[0]
    image = crop[:, ::-1] if rng.random() < 0.5 else crop
    turn, scale = rng.normal(0.0, strength.turn), np.exp(rng.normal(0.0, strength.scale))
    matrix = np.asarray(cv2.getRotationMatrix2D((size / 2, size / 2), turn, float(scale)))
    shear = rng.normal(0.0, strength.shear)
    matrix[0, 1] += shear
    matrix[0, 2] -= shear * size / 2
    shifted = matrix + np.pad(rng.normal(0.0, strength.shift * size, (2, 1)), ((0, 0), (2, 0)))
    moved = cv2.warpAffine(np.ascontiguousarray(image), shifted, (size, size))
    return np.asarray(moved, dtype=np.float32) / np.float32(255.0)


def _toned(image: Floats, rng: np.random.Generator, strength: Strength) -> Floats:
    """Other gamma, contrast, brightness and colour."""
    toned = image ** np.exp(rng.normal(0.0, strength.gamma))
    toned = (toned - 0.5) * np.exp(rng.normal(0.0, strength.contrast)) + 0.5
    toned = toned + rng.normal(0.0, strength.brightness)
    return np.asarray(toned * np.exp(rng.normal(0.0, strength.colour, 3)), dtype=np.float32)


def _lit(image: Floats, rng: np.random.Generator) -> Floats:
    """Light from one side."""
    ramp = np.linspace(-1.0, 1.0, image.shape[0], dtype=np.float32)
    angle = rng.uniform(0.0, 2 * np.pi)
    slope = np.cos(angle) * ramp[None, :] + np.sin(angle) * ramp[:, None]
    return np.asarray(image * (1.0 + rng.normal(0.0, 0.3) * slope)[..., None], dtype=np.float32)


def _degraded(image: Floats, rng: np.random.Generator, strength: Strength) -> Floats:
    """Out of focus, or from far away, or saved small: at most one of them."""
    import cv2

    size, kind = image.shape[0], rng.random()
    if kind < strength.blurred:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), abs(rng.normal(0.0, 1.2)) + 1e-3))
    if (kind := kind - strength.blurred) < strength.shrunk:
        small = int(rng.integers(size // 3, size * 4 // 5))
        shrunk = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_LINEAR))
    if kind - strength.shrunk < strength.compressed:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))]
        data = cv2.imencode(".jpg", image.astype(np.uint8), quality)[1]
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.float32)
    return image


def _covered(image: Floats, rng: np.random.Generator) -> Floats:
    """A box over part of the face."""
    size = image.shape[0]
    width, height = rng.integers(size // 7, size // 2, 2)
    left, top = rng.integers(0, size - width), rng.integers(0, size - height)
    covered = image.copy()
    plain = rng.random() < 0.5
    fill = rng.uniform(0, 255, 3) if plain else rng.normal(127, 50, (height, width, 3))
    covered[top : top + height, left : left + width] = fill
    return covered
