"""Hair: behind the head, on the forehead, brows and beard."""

import numpy as np

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
    curve,
    fill,
    line,
    mirrored,
    mix,
)
from lethe.demo.mood import Mood


def colour(traits: Traits) -> Colour:
    light = float(np.clip(traits["hair_light"], 0.04, 0.9)) * 235
    warm = float(np.clip(traits["hair_warmth"], 0, 1))
    return light, light * (0.97 - 0.25 * warm), light * (0.92 - 0.5 * warm)


def mane(traits: Traits) -> Points:
    """What shows of the hair behind the head, (n, 2) crop pixels."""
    wide, volume, low = traits["face_width"], traits["hair_volume"], traits["hair_length"]
    return curve(
        mirrored(
            [
                (wide * 0.4, -traits["hairline"] - 14 - volume),
                (wide * 0.95 + volume * 0.4, -traits["hairline"] - 2),
                (wide + max(volume, 1), -12),
                (wide + max(volume, 0) * 0.9, max(low * 0.5, -6)),
                (wide * 0.9 + max(volume, 0) * 0.6, max(low, -2)),
            ]
        )
    )


def beard(canvas: Canvas, traits: Traits, skin: Colour, mood: Mood, seed: int) -> None:
    wide, mouth, chin = traits["face_width"], traits["mouth_drop"], traits["chin_length"]
    jaw = wide * traits["jaw_width"]
    if traits["beard"] > 0:
        chin += mood.mouth_open * 0.6
        half = [(4.0, mouth + 6), (17.0, mouth + 4), (jaw * 0.9, mouth - 14), (wide, mouth - 26)]
        half += [(jaw * 1.04, mouth), (jaw * 0.6, chin - 2), (jaw * 0.2, chin + 2)]
        fill(canvas, mirrored(half), mix(skin, colour(traits), min(0.25 + traits["beard"], 0.9)))
    if traits["moustache"] > 0:
        base = traits["nose_length"] + 4
        lip = mouth - traits["lip_upper"]
        half = [(1.0, base), (9.0, base + 2), (traits["mouth_width"] + 2, mouth), (9.0, lip)]
        half += [(1.0, lip)]
        fill(
            canvas, mirrored(half), mix(skin, colour(traits), min(0.25 + traits["moustache"], 0.9))
        )
    if max(traits["beard"], traits["moustache"]) > 0:
        grain = np.random.default_rng([seed, 0xBEA2D]).normal(0, 7, (64, SIZE, 1))
        low = int((EYES_Y + MARGIN + 24) * SCALE)
        rows = canvas[low : low + 64]
        rows[:] = np.clip(rows + grain, 0, 255).astype(np.uint8)


def brow(canvas: Canvas, traits: Traits, skin: Colour, side: int, mood: Mood) -> None:
    along = np.linspace(0, 1, 8)
    x = traits["brow_gap"] + along * traits["brow_length"] * 1.7
    arch = np.sin(np.pi * np.clip(along, 0, 1) ** 1.3) * traits["brow_arch"]
    y = -traits["brow_height"] - mood.brows - arch - traits["brow_tilt"] * (along - 0.4)
    thick = max(traits["brow_thick"], 0.7) * (1 - 0.75 * along**2) * 0.8
    ring = np.concatenate([np.stack([x, y - thick], 1), np.stack([x, y + thick], 1)[::-1]])
    dark = mix(skin, mix(colour(traits), (20, 14, 12), 0.45), traits["brow_dark"])
    fill(canvas, ring * (side, 1) + (MIDDLE, EYES_Y), dark)


def front(canvas: Canvas, cover: Canvas, traits: Traits, seed: int) -> None:
    wide, volume = traits["face_width"], traits["hair_volume"]
    edge, peak, part = traits["hairline"], traits["hairline_peak"], traits["hair_part"]
    tone = colour(traits)
    fall = max(traits["hair_length"], -8.0)
    knots = [
        (-wide * 1.03, fall * 0.6),
        (-wide * 0.97, -14.0),
        (-wide * 0.72, -edge + 8 + peak * 0.5),
        (wide * (part - 0.3) * 0.8, -edge + traits["hair_fringe"]),
        (wide * part * 0.8, -edge - 2 - peak),
        (wide * (part + 0.3) * 0.8, -edge + traits["hair_fringe"] * 0.7),
        (wide * 0.72, -edge + 8 + peak * 0.5),
        (wide * 0.97, -14.0),
        (wide * 1.03, fall * 0.6),
        (wide + max(volume, 1), fall * 0.6),
        (wide + max(volume, 1), -16.0),
        (wide * 0.7, -edge - 12 - volume),
        (-wide * 0.7, -edge - 12 - volume),
        (-wide - max(volume, 1), -16.0),
        (-wide - max(volume, 1), fall * 0.6),
    ]
    outline = curve(np.array(knots) + (MIDDLE, EYES_Y), steps=4)
    fill(canvas, outline, tone)
    fill(cover, outline, 255)
    strands = np.random.default_rng([seed, 0x4A12]).uniform(-1, 1, (14, 3))
    top = np.array([MIDDLE + wide * part * 0.8, EYES_Y - edge - 10])
    ends = strands[:, :1] * (wide * 1.02, 0) + (MIDDLE, EYES_Y - edge * 0.9)
    ends[:, 1] += np.abs(strands[:, 0]) ** 3 * 34
    bends = (top + ends) / 2 + strands[:, :2] * (8, -3) - (0, 5)
    t = np.linspace(0, 1, 7)[None, :, None]
    locks = (1 - t) ** 2 * top + 2 * t * (1 - t) * bends[:, None] + t**2 * ends[:, None]
    for lock, tint in zip(locks, strands[:, 2], strict=True):
        gloss = mix(tone, (255, 240, 220) if tint > 0 else (0, 0, 0), 0.22 * abs(tint))
        line(canvas, lock, gloss, 1.0)
