"""What hides a part of the face: glasses, a cap, a mask, a hand."""

import numpy as np

from lethe.demo.brush import (
    EYES_Y,
    MIDDLE,
    Canvas,
    Colour,
    Traits,
    curve,
    fill,
    line,
    mirrored,
    mix,
)
from lethe.demo.mood import Mood


def put_on(
    canvas: Canvas,
    cover: Canvas,
    traits: Traits,
    skin: Colour,
    mood: Mood,
    rng: np.random.Generator,
) -> None:
    red, green, blue = (float(level) for level in rng.uniform(15, 225, 3))
    colour = (red, green, blue)
    if "mask" in mood.wears:
        _mask(canvas, traits, mix(colour, (220, 230, 240), 0.5))
    if mood.wears & {"glasses", "shades"}:
        _glasses(canvas, traits, "shades" in mood.wears, mix(colour, (10, 10, 10), 0.7), rng)
    if "cap" in mood.wears:
        _cap(canvas, cover, traits, colour, rng)
    if "hand" in mood.wears:
        _hand(canvas, cover, skin, rng)


def _mask(canvas: Canvas, traits: Traits, colour: Colour) -> None:
    wide, jaw = traits["face_width"], traits["face_width"] * traits["jaw_width"]
    nose, chin = traits["nose_length"], traits["chin_length"]
    half = [
        (4.0, nose - 10),
        (wide * 0.9, nose - 3),
        (jaw * 1.05, nose + 20),
        (jaw * 0.5, chin + 3),
    ]
    fill(canvas, curve(mirrored(half)), colour)
    for height in (nose + 4, nose + 14, nose + 24):
        fold = np.array([(-jaw * 0.9, height), (0, height + 3), (jaw * 0.9, height)])
        line(canvas, fold + (MIDDLE, EYES_Y), mix(colour, (0, 0, 0), 0.2), 0.9)


def _glasses(
    canvas: Canvas, traits: Traits, dark: bool, frame: Colour, rng: np.random.Generator
) -> None:
    wide, high = rng.uniform(10, 13.5), rng.uniform(6.5, 10)
    power, width = rng.uniform(2, 4.5), rng.uniform(0.7, 2.2)
    angles = np.linspace(0, 2 * np.pi, 28)
    round_x = np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** (2 / power) * wide
    round_y = np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** (2 / power) * high
    for side in (-1, 1):
        middle = MIDDLE + side * max(traits["eye_gap"], wide + 2.5)
        ring = np.stack([round_x + middle, round_y + EYES_Y + 2], 1)
        if dark:
            fill(canvas, ring, (28, 26, 30))
        line(canvas, ring, frame, width)
        reach = np.array([(middle + side * wide, EYES_Y), (MIDDLE + side * 42, EYES_Y - 2)])
        line(canvas, reach, frame, width)
    bridge = np.array([(MIDDLE - 5, EYES_Y + 1), (MIDDLE, EYES_Y - 0.5), (MIDDLE + 5, EYES_Y + 1)])
    line(canvas, bridge, frame, width)


def _cap(
    canvas: Canvas, cover: Canvas, traits: Traits, colour: Colour, rng: np.random.Generator
) -> None:
    wide, edge = traits["face_width"] + 6, -rng.uniform(17, 30)
    half = [(wide * 0.5, -72.0), (wide * 0.98, -48.0), (wide * 1.04, edge - 3), (wide * 0.5, edge)]
    crown = curve(mirrored(half))
    fill(canvas, crown, colour)
    fill(cover, crown, 255)
    brim = mirrored([(wide * 0.9, edge - 5), (wide * 0.95, edge - 1), (wide * 0.4, edge + 4)])
    fill(canvas, curve(brim), mix(colour, (0, 0, 0), 0.4))


def _hand(canvas: Canvas, cover: Canvas, skin: Colour, rng: np.random.Generator) -> None:
    root = np.array([rng.uniform(5, 107), rng.uniform(98, 125)])
    aim = np.array([MIDDLE, EYES_Y + 25]) + rng.normal(0, 9, 2)
    along = (aim - root) / max(float(np.hypot(*(aim - root))), 1.0)
    across = np.array([-along[1], along[0]])
    for number in range(4):
        start = root + across * (number - 1.5) * 6.5
        end = start + along * rng.uniform(24, 36)
        finger = np.stack([start - along * 30, start, end])
        line(canvas, finger, mix(skin, (60, 30, 25), 0.35), 7.4)
        line(canvas, finger, mix(skin, (250, 210, 190), 0.08), 5.8)
        line(cover, finger, (255, 255, 255), 7.4)
