"""Turns a painted face into a photo: relief, light, pose, five-point alignment, lens and sensor."""

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from lethe.demo.brush import EYES_Y, MARGIN, MIDDLE, SCALE, Canvas, Traits
from lethe.demo.mood import Mood

Grid = NDArray[np.float32]
# The usual five points of a 112x112 crop: eyes, nose tip, mouth corners.
TEMPLATE = np.array(
    [[38.29, 51.70], [73.53, 51.50], [56.03, 71.74], [41.55, 92.37], [70.73, 92.20]]
)
_CELL = 2.0  # crop pixels per cell of the relief
_CELLS = int((112 + 2 * MARGIN) / _CELL)
_X = (np.arange(_CELLS) * _CELL - MARGIN + _CELL / 2 - MIDDLE).astype(np.float32)
_Y = (np.arange(_CELLS) * _CELL - MARGIN + _CELL / 2 - EYES_Y).astype(np.float32)
_COLUMNS, _ROWS = np.meshgrid(np.arange(112, dtype=np.float32), np.arange(112, dtype=np.float32))


class Somebody(Protocol):
    """What the camera needs of a person."""

    @property
    def traits(self) -> Traits: ...
    @property
    def asymmetry(self) -> tuple[float, ...]: ...


def relief(traits: Traits, mood: Mood) -> Grid:
    """Height of the face towards the camera, crop pixels, over the canvas."""
    wide, nose, mouth = traits["face_width"], traits["nose_length"], traits["mouth_drop"]
    smile = max(mood.smile, 0)
    round_x = np.clip(1 - (_X / (wide + 9)) ** 2, 0, 1)[None, :]
    round_y = np.clip(1 - ((_Y - 8) / 78) ** 2, 0, 1)[:, None]
    height = traits["depth"] * np.sqrt(round_x * round_y)
    bridge = np.linspace(0, 1, 3)
    bumps: list[tuple[float, float, float, float, float]] = [
        # x, y, radius across, radius down, height
        (
            0,
            nose * (0.15 + 0.75 * float(s)),
            traits["nose_bridge"] + 1.3 * float(s),
            nose * 0.3,
            traits["nose_high"] * (0.35 + 0.3 * float(s)),
        )
        for s in bridge
    ]
    bumps += [
        (0, nose, traits["nose_tip"], 4.0, 4.5),
        (0, mouth, traits["mouth_width"] * 0.9, 6.5, 3.0),
        (0, mouth + 9, 9, 2.6, -1.6),
        (0, traits["chin_length"] - 7, 9, 5.5, traits["chin_high"]),
        (0, -30, 22, 11, traits["forehead_high"]),
    ]
    for side in (-1, 1):
        bumps += [
            (side * traits["nose_width"] * 0.75, nose + 0.5, 3.0, 3.4, 2.6),
            (side * (traits["eye_gap"] - 1), -1, 8.5, 5.5, -traits["socket_deep"]),
            (side * traits["eye_gap"], 0.5, 5.5, 3.2, 1.6),
            (side * 15, -10, 11, 3.6, traits["brow_ridge"]),
            (side * wide * 0.62, 14 - 2 * smile, 9, 6.5, traits["cheekbone"] + 1.6 * smile),
            (side * wide * 0.6, mouth - 6, 9, 9, traits["cheek_full"]),
        ]
    x, y, across, down, high = np.array(bumps, np.float32).T[:, :, None]
    columns = high * np.exp(-(((_X[None] - x) / across) ** 2))  # (bumps, cells)
    rows = np.exp(-(((_Y[None] - y) / down) ** 2))
    return np.asarray(height + rows.T @ columns, np.float32)


def light(height: Grid, rng: np.random.Generator) -> tuple[Grid, Grid]:
    """What one lamp and the sky do to each cell: a factor by Lambert's law, and a little gloss."""
    down, right = np.gradient(height, _CELL)
    normal = np.stack([-right, -down, np.ones_like(height)])
    normal /= np.sqrt((normal**2).sum(0, keepdims=True))
    lamp = np.array([rng.normal(0, 0.55), rng.normal(-0.35, 0.35), 0.75], np.float32)
    lamp /= np.sqrt((lamp**2).sum())
    facing = np.maximum(np.tensordot(lamp, normal, 1), 0)
    ambient = rng.uniform(0.25, 0.75)
    shade = ambient * (0.85 - 0.25 * normal[1]) + (1.25 - ambient) * facing
    halfway = lamp + np.array([0, 0, 1], np.float32)
    halfway /= np.sqrt((halfway**2).sum())
    gloss = np.maximum(np.tensordot(halfway, normal, 1), 0) ** 24 * rng.uniform(0, 55)
    return shade.astype(np.float32), gloss.astype(np.float32)


def pose(person: Somebody, mood: Mood, height: Grid, rng: np.random.Generator) -> tuple[Grid, Grid]:
    """Turn the head and align it by its five points.

    Returns the place (x, y) in the frontal face, crop pixels, of each pixel of the crop (112, 112).
    """
    yaw = float(np.deg2rad(np.clip(rng.normal(0, 13), -32, 32)))
    pitch = float(np.deg2rad(np.clip(rng.normal(0, 8), -20, 20)))
    matrix = _alignment(person.traits, mood, height, (yaw, pitch), rng)
    inverse = np.linalg.inv(matrix[:, :2]).astype(np.float32)
    across, along = _COLUMNS - np.float32(matrix[0, 2]), _ROWS - np.float32(matrix[1, 2])
    u = across * inverse[0, 0] + along * inverse[0, 1]
    v = across * inverse[1, 0] + along * inverse[1, 1]
    x, y = _unturn(u, v, height, yaw, pitch)
    grid = np.array(person.asymmetry, np.float32).reshape(2, 5, 5)
    shift_x, shift_y = (
        cv2.resize(axis, (112, 112), interpolation=cv2.INTER_CUBIC) for axis in grid
    )
    return x + shift_x + np.float32(MIDDLE), y + shift_y + np.float32(EYES_Y)


def shoot(
    painted: tuple[Canvas, Canvas], lit: tuple[Grid, Grid], place: tuple[Grid, Grid]
) -> tuple[Grid, Grid]:
    """The lit face (112, 112, 3) and its cover (112, 112), 0 … 255, without background."""
    x, y = (axis + np.float32(MARGIN) for axis in place)
    canvas, cover = (
        _look_up(layer, x * np.float32(SCALE), y * np.float32(SCALE)) for layer in painted
    )
    shade, gloss = (_look_up(layer, *_cells(x, y)) for layer in lit)
    return canvas * shade[..., None] + gloss[..., None], cover.astype(np.float32)


def _cells(x: Grid, y: Grid) -> tuple[Grid, Grid]:
    """Canvas places, crop pixels, as fractional indices of the relief."""
    return x / np.float32(_CELL) - np.float32(0.5), y / np.float32(_CELL) - np.float32(0.5)


def _look_up(layer: Canvas | Grid, x: Grid, y: Grid) -> Grid:
    return np.asarray(cv2.remap(layer, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _unturn(u: Grid, v: Grid, height: Grid, yaw: float, pitch: float) -> tuple[Grid, Grid]:
    """Where on the canvas each turned point came from, by fixed-point iteration on its height."""
    x, y = u, v
    (sin_yaw, sin_pitch), (cos_yaw, cos_pitch) = (
        np.array(wave((yaw, pitch)), np.float32) for wave in (np.sin, np.cos)
    )
    for _ in range(3):
        z = _look_up(
            height, *_cells(x + np.float32(MIDDLE + MARGIN), y + np.float32(EYES_Y + MARGIN))
        )
        x = (u - z * sin_yaw) / cos_yaw
        toward = z * cos_yaw - x * sin_yaw
        y = (v + toward * sin_pitch) / cos_pitch
    return x, y


def _alignment(
    traits: Traits,
    mood: Mood,
    height: Grid,
    turn_by: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """The similarity (2, 3) from turned points to the crop, with a detector's error in it."""
    yaw, pitch = turn_by
    gap, wide = traits["eye_gap"], traits["mouth_width"] * (1 + 0.16 * mood.smile)
    corner = traits["mouth_drop"] - traits["lip_curl"] - 3.0 * mood.smile
    points = np.array(
        [(-gap, 0), (gap, 0), (0, traits["nose_length"]), (-wide, corner), (wide, corner)]
    )
    cells = ((points + (MIDDLE + MARGIN, EYES_Y + MARGIN)) / _CELL).astype(int)
    z = height[cells[:, 1], cells[:, 0]]
    u = points[:, 0] * np.cos(yaw) + z * np.sin(yaw)
    toward = z * np.cos(yaw) - points[:, 0] * np.sin(yaw)
    v = points[:, 1] * np.cos(pitch) - toward * np.sin(pitch)
    source = u + 1j * v
    target = (TEMPLATE + rng.normal(0, 0.9, (5, 2))) @ np.array([1, 1j])
    centred = source - source.mean()
    turn = np.vdot(centred, target - target.mean()) / np.vdot(centred, centred)
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def expose(head: Grid, alpha: Grid, rng: np.random.Generator) -> Canvas:
    """Background, colour of the light, exposure, blur, noise and JPEG: (112, 112, 3) RGB."""
    share = alpha[..., None] / np.float32(255)
    behind = _background(rng)
    photo = behind + (head - behind) * share
    if rng.random() < 0.12:  # a shadow or a bright window across part of the picture
        edge = _COLUMNS * np.float32(rng.normal()) + _ROWS * np.float32(rng.normal())
        band = 0.5 + 0.5 * np.tanh((edge - rng.normal(0, 60)) / rng.uniform(4, 30))
        photo *= (1 - rng.uniform(0.15, 0.5) * band)[..., None].astype(np.float32)
    gain = np.exp(rng.normal(0, 0.22) + rng.normal(0, 0.07, 3)).astype(np.float32)
    contrast, level = np.float32(np.exp(rng.normal(0, 0.16))), photo.mean()
    photo = ((photo - level) * contrast + level) * gain
    if rng.random() < 0.06:
        photo = np.repeat(photo.mean(2, keepdims=True), 3, 2)
    photo = _soften(photo, rng)
    gamma, grain = np.exp(rng.normal(0, 0.2)), abs(rng.normal(0, 5))
    curve = (255 * np.linspace(0, 1, 256) ** gamma).astype(np.uint8)
    photo = photo + np.float32(grain) * rng.standard_normal((112, 112, 1), np.float32)
    sensed = curve[np.clip(photo, 0, 255).astype(np.uint8)]
    quality = int(rng.integers(35, 96))
    _, jpeg = cv2.imencode(".jpg", sensed, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


def _background(rng: np.random.Generator) -> Grid:
    """Blurred colours of some room or street."""
    cells = rng.integers(2, 9)
    base = rng.uniform(20, 225) + rng.normal(0, 18, 3)
    spots = rng.normal(0, 30, (cells, cells, 1)) + rng.normal(0, 12, (cells, cells, 3))
    blotches = np.clip(base + spots, 0, 255)
    way = cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(blotches.astype(np.float32), (112, 112), interpolation=way))


def _soften(photo: Grid, rng: np.random.Generator) -> Grid:
    """Out of focus, a moving hand, or a face enlarged from few pixels."""
    kind = rng.random()
    if kind < 0.35:
        return np.asarray(cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.3, 1.7)))
    if kind < 0.45:
        length, angle = int(rng.integers(3, 8)), rng.uniform(0, np.pi)
        kernel = np.zeros((9, 9), np.float32)
        for step in np.linspace(-length / 2, length / 2, 17):
            row, column = round(4 + step * np.sin(angle)), round(4 + step * np.cos(angle))
            kernel[row, column] = 1
        return np.asarray(cv2.filter2D(photo, -1, kernel / kernel.sum()))
    if kind < 0.6:
        size = int(rng.integers(44, 90))
        small = cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (112, 112)))
    return photo
