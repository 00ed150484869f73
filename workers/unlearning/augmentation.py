"""Random views of a face: what changes between two photos of one person, drawn at random.

Few photos must stand for all that could be taken. Each view jitters pose, light, sharpness and
occlusion; the views of one photo are mated with each other like any two photos.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from storage.images import Pixels

Floats = NDArray[np.float32]


def views(crops: Pixels, count: int, seed: int) -> Pixels:
    """(N, S, S, 3) → (N, 1 + count, S, S, 3): each crop itself, then ``count`` views of it."""
    made = []
    for index, crop in enumerate(crops):
        rng = np.random.default_rng([seed, index])
        made.append(np.stack([crop, *(view(crop, rng) for _ in range(count))]))
    return np.stack(made)


def view(crop: Pixels, rng: np.random.Generator) -> Pixels:
    """One random view of a crop, (S, S, 3) RGB."""
    image = _moved(crop, rng).astype(np.float32) / 255.0
    if rng.random() < 0.8:
        image = _toned(image, rng)
    if rng.random() < 0.5:
        image = _lit(image, rng)
    if rng.random() < 0.15:
        image = np.repeat(image.mean(2, keepdims=True), 3, 2)
    image = _blurred((image * 255.0).clip(0.0, 255.0), rng)
    if rng.random() < 0.3:
        image = image + rng.normal(0.0, abs(rng.normal(0.0, 8.0)), image.shape)
    if rng.random() < 0.35:
        image = _covered(image, rng)
    return np.asarray(image.clip(0.0, 255.0), dtype=np.uint8)


def _moved(crop: Pixels, rng: np.random.Generator) -> Pixels:
    """Mirrored, shifted by about 2 %, turned by about 4°, scaled by about 5 %, sheared."""
    size = crop.shape[0]
    image = crop[:, ::-1] if rng.random() < 0.5 else crop
    centre = (size / 2, size / 2)
    matrix = cv2.getRotationMatrix2D(
        centre, rng.normal(0.0, 4.0), float(np.exp(rng.normal(0, 0.05)))
    )
    shear = rng.normal(0.0, 0.03)
    matrix[0, 1] += shear
    matrix[0, 2] -= shear * size / 2
    matrix[:, 2] += rng.normal(0.0, 0.022 * size, 2)
    moved = cv2.warpAffine(np.ascontiguousarray(image), matrix, (size, size))
    return np.asarray(moved, dtype=np.uint8)


def _toned(image: Floats, rng: np.random.Generator) -> Floats:
    """Other gamma, contrast, brightness and colour."""
    toned = image.clip(0.0, 1.0) ** np.exp(rng.normal(0.0, 0.25))
    toned = (toned - 0.5) * np.exp(rng.normal(0.0, 0.2)) + 0.5 + rng.normal(0.0, 0.08)
    return np.asarray(toned * np.exp(rng.normal(0.0, 0.06, 3)), dtype=np.float32)


def _lit(image: Floats, rng: np.random.Generator) -> Floats:
    """Light from one side."""
    ramp = np.linspace(-1.0, 1.0, image.shape[0], dtype=np.float32)
    angle = rng.uniform(0.0, 2 * np.pi)
    slope = np.cos(angle) * ramp[None, :] + np.sin(angle) * ramp[:, None]
    return np.asarray(image * (1.0 + rng.normal(0.0, 0.3) * slope)[..., None], dtype=np.float32)


def _blurred(image: Floats, rng: np.random.Generator) -> Floats:
    """Out of focus, from far away, or saved small: one of them in three views of five."""
    size, kind = image.shape[0], rng.random()
    if kind < 0.2:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), abs(rng.normal(0.0, 1.2)) + 1e-3))
    if kind < 0.4:
        small = int(rng.integers(size // 3, size * 4 // 5))
        shrunk = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_LINEAR))
    if kind < 0.6:
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
