"""Paints a face as seen from the front in even light: its colours, and what covers it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from lethe.demo import hair
from lethe.demo.brush import (
    EYES_Y,
    MARGIN,
    MIDDLE,
    SCALE,
    SIZE,
    Canvas,
    Colour,
    Points,
    Traits,
    blend,
    blob,
    curve,
    fill,
    line,
    mirrored,
    mix,
)
from lethe.demo.mood import Mood
from lethe.demo.worn import put_on

_TONES = np.array(
    [[250, 224, 204], [238, 200, 172], [214, 165, 130], [170, 118, 84], [126, 84, 60], [88, 60, 46]]
)


def paint(
    traits: Traits,
    moles: tuple[tuple[float, float, float], ...],
    seed: int,
    mood: Mood,
    rng: np.random.Generator,
) -> tuple[Canvas, Canvas]:
    """The canvas (SIZE, SIZE, 3) RGB, and its cover (SIZE, SIZE): 255 where the person is."""
    canvas: Canvas = np.zeros((SIZE, SIZE, 3), np.uint8)
    cover: Canvas = np.zeros((SIZE, SIZE), np.uint8)
    skin, strands = skin_colour(traits), hair.colour(traits)
    _body(canvas, cover, traits, skin, strands, rng)
    _complexion(canvas, traits, skin, seed)
    hair.beard(canvas, traits, skin, mood, seed)
    cv2.GaussianBlur(canvas, (0, 0), 1.6, dst=canvas)
    _folds(canvas, traits, skin, mood)
    for x, y, radius in moles:
        blob(canvas, (x, y), (radius, radius), mix(skin, (50, 28, 22), 0.75))
    for side in (-1, 1):
        _eye(canvas, traits, skin, side, mood)
        hair.brow(canvas, traits, skin, side, mood)
    _nose(canvas, traits, skin)
    _mouth(canvas, traits, skin, mood)
    hair.front(canvas, cover, traits, seed)
    put_on(canvas, cover, traits, skin, mood, rng)
    return canvas, cover


def skin_colour(traits: Traits) -> Colour:
    tone = float(np.clip(traits["skin_tone"], 0, 1)) * (len(_TONES) - 1)
    red, green, blue = (float(np.interp(tone, range(len(_TONES)), _TONES[:, c])) for c in range(3))
    blush = 5.0 * traits["skin_red"]
    return red, green - blush, blue - 0.6 * blush


def mouth_y(traits: Traits) -> float:
    return EYES_Y + traits["mouth_drop"]


def face_outline(traits: Traits) -> Points:
    """The face from forehead to chin, (n, 2) crop pixels."""
    wide, chin = traits["face_width"], traits["chin_length"]
    top = -traits["hairline"] - 10
    return curve(
        mirrored(
            [
                (wide * 0.35, top),
                (wide * traits["temple_width"] * 0.85, top * 0.72),
                (wide * traits["temple_width"], -16),
                (wide, 6),
                (wide * (0.45 + 0.52 * traits["jaw_width"]), traits["mouth_drop"] * 0.62),
                (wide * traits["jaw_width"], traits["mouth_drop"] + 2),
                (wide * traits["chin_width"] * 1.45, chin - 6),
                (wide * traits["chin_width"] * 0.5, chin),
            ]
        )
    )


def _body(
    canvas: Canvas,
    cover: Canvas,
    traits: Traits,
    skin: Colour,
    strands: Colour,
    rng: np.random.Generator,
) -> None:
    wide = traits["face_width"]
    clothes = tuple(float(level) for level in rng.uniform(30, 210) + rng.uniform(-30, 30, 3))
    neck = np.array([[-0.6, 40], [0.6, 40], [0.66, 90], [-0.66, 90]]) * (wide, 1)
    shoulders = np.array([[-95, 110], [-30, 76], [30, 76], [95, 110], [95, 140], [-95, 140]])
    layers: list[tuple[Points, Colour]] = [
        (hair.mane(traits), mix(strands, (0, 0, 0), 0.25)),
        (neck + (MIDDLE, EYES_Y), mix(skin, (30, 15, 10), 0.22)),
        (shoulders + (MIDDLE, EYES_Y), (clothes[0], clothes[1], clothes[2])),
    ]
    for points, colour in layers:
        fill(canvas, points, colour)
        fill(cover, points, 255)
    for side in (-1, 1):
        at = (MIDDLE + side * wide, EYES_Y + 3.0)
        blob(canvas, at, (4.0, 9.5), mix(skin, (150, 60, 50), 0.2))
        blob(cover, at, (4.0, 9.5), (255, 255, 255))
    outline = face_outline(traits)
    fill(canvas, outline, skin)
    fill(cover, outline, 255)


def _complexion(canvas: Canvas, traits: Traits, skin: Colour, seed: int) -> None:
    wide = traits["face_width"]
    rosy = mix(skin, (200, 70, 70), 0.35 * max(traits["cheek_red"], 0))
    for side in (-1, 1):
        blob(canvas, (MIDDLE + side * wide * 0.55, EYES_Y + 20), (9, 7), rosy)
        under = mix(skin, (70, 40, 60), 0.5 * max(traits["eye_bags"], 0))
        blob(canvas, (MIDDLE + side * traits["eye_gap"], EYES_Y + 4.5), (6.5, 2.6), under)
    blob(canvas, (MIDDLE, EYES_Y + traits["nose_length"]), (5, 4), mix(skin, rosy, 0.6))
    count = int(max(traits["freckles"], 0) * 60)
    spots = np.random.default_rng([seed, 0xF1EC]).normal((0, 14), (18, 9), (count, 2))
    for x, y in spots + (MIDDLE, EYES_Y):
        blob(canvas, (x, y), (0.9, 0.9), mix(skin, (110, 60, 35), 0.6))


def _folds(canvas: Canvas, traits: Traits, skin: Colour, mood: Mood) -> None:
    """The lines from nose to mouth: an older or a smiling face shows them more."""
    strength = 0.13 * max(traits["folds"], 0) + 0.14 * max(mood.smile, 0)
    for side in (-1, 1):
        knots = np.array(
            [
                (traits["nose_width"] + 2.5, traits["nose_length"] - 1),
                (traits["mouth_width"] + 1.0, traits["mouth_drop"] - 11),
                (traits["mouth_width"] + 4.5, traits["mouth_drop"] - 2),
            ]
        ) * (side, 1) + (MIDDLE, EYES_Y)
        line(canvas, curve(knots, closed=False), mix(skin, (60, 25, 20), strength), 1.2)


def _eye(canvas: Canvas, traits: Traits, skin: Colour, side: int, mood: Mood) -> None:
    wide, tilt = traits["eye_width"], np.deg2rad(traits["eye_tilt"])
    upper = max(traits["eye_open"] * mood.blink - 0.6 * max(mood.smile, 0), 0.25)
    lower = max(traits["eye_open"] * 0.62 - 0.5 * max(mood.smile, 0), 0.2)
    along = np.linspace(-1, 1, 9)
    bulge = 1 - np.abs(along) ** 2.2
    place = np.array([MIDDLE + side * traits["eye_gap"], EYES_Y])

    def lid(height: float) -> Points:
        x, y = along * wide, -bulge * height
        turned = np.stack([x * np.cos(tilt), y - x * np.sin(tilt)], 1)
        points: Points = turned * (side, 1) + place
        return points

    top, bottom = lid(upper), lid(-lower)
    almond = np.concatenate([top, bottom[::-1]])
    eye: Canvas = np.empty_like(canvas[:32, :48])
    left, high = int((place[0] + MARGIN) * SCALE) - 24, int((place[1] + MARGIN) * SCALE) - 16
    shift = np.array([left / SCALE, high / SCALE])
    eye[:] = (228, 222, 218)
    hue = float(np.clip(traits["iris_hue"], 0, 1))
    light = float(np.clip(traits["iris_light"], 0.08, 0.9))
    iris = mix((150, 90, 45), (95, 145, 180), hue)
    at = (place[0] + mood.gaze[0] - shift[0], place[1] - 0.3 + mood.gaze[1] - shift[1])
    size = traits["iris_size"]
    blob(eye, at, (size, size), mix((0, 0, 0), iris, 0.25 + light))
    blob(eye, at, (size * 0.45, size * 0.45), (12, 10, 10))
    blob(eye, (at[0] + 0.8, at[1] - 0.9), (0.55, 0.55), (250, 250, 250))
    stencil: Canvas = np.zeros((32, 48), np.uint8)
    fill(stencil, almond - shift, 255)
    blend(canvas[high : high + 32, left : left + 48], eye, stencil)
    dark = mix(skin, (25, 15, 15), 0.75)
    line(canvas, top, dark, 0.8 + 1.1 * max(traits["lashes"], 0))
    line(canvas, bottom, mix(skin, (90, 40, 40), 0.4), 0.7)
    crease = lid(upper + max(traits["eye_crease"], 0.4))[1:-1]
    line(canvas, crease, mix(skin, (60, 30, 25), 0.4), 0.8)


def _nose(canvas: Canvas, traits: Traits, skin: Colour) -> None:
    tip = EYES_Y + traits["nose_length"]
    for side in (-1, 1):
        at = (MIDDLE + side * traits["nose_width"] * 0.52, tip + 2.4)
        size = max(traits["nostrils"], 0.6)
        blob(canvas, at, (size * 1.35, size * 0.8), mix(skin, (30, 12, 10), 0.72))
        wing = np.array([(1.0, -3.5), (1.18, -0.5), (1.0, 2.2), (0.75, 3.2)])
        wing = wing * (side * traits["nose_width"], 1) + (MIDDLE, tip)
        line(canvas, curve(wing, closed=False), mix(skin, (60, 28, 22), 0.38), 0.8)


def _mouth(canvas: Canvas, traits: Traits, skin: Colour, mood: Mood) -> None:
    wide = traits["mouth_width"] * (1 + 0.16 * mood.smile)
    corner = -traits["lip_curl"] - 3.0 * mood.smile
    gape = mood.mouth_open
    along = np.linspace(-1, 1, 13)
    seam = corner * np.abs(along) ** 2
    arc = 1 - np.abs(along) ** 2
    bow = traits["lip_bow"] * np.exp(-((along / 0.16) ** 2))
    top = seam - arc * max(traits["lip_upper"], 0.8) + bow
    under = seam + arc * gape
    bottom = under + arc * max(traits["lip_lower"], 1.0)
    x = along * wide + MIDDLE
    drop = mouth_y(traits)

    def band(high: NDArray[np.float64], low: NDArray[np.float64]) -> Points:
        return np.concatenate([np.stack([x, high + drop], 1), np.stack([x, low + drop], 1)[::-1]])

    lips = mix(mix(skin, (110, 50, 50), 0.35), (190, 55, 65), traits["lip_red"] * 0.8)
    fill(canvas, band(top, seam), mix(lips, (40, 10, 10), 0.16))
    fill(canvas, band(under, bottom), lips)
    if gape > 0.6:
        fill(canvas, band(seam, under), (52, 18, 18))
        fill(canvas, band(seam, seam + arc * min(gape * 0.6, 3.0)), (226, 220, 210))
    line(canvas, np.stack([x, seam + drop], 1), mix(lips, (30, 8, 8), 0.65), 0.8)
    shadow = np.stack([x[4:-4], bottom[4:-4] + drop + 1.6], 1)
    line(canvas, shadow, mix(skin, (60, 30, 25), 0.22), 1.4)
