"""What a face does and wears in one photo: nothing of it tells who the person is."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mood:
    """What the face does and wears in one photo."""

    smile: float  # -0.4 … 1
    mouth_open: float  # crop pixels
    blink: float  # 1 is wide open, 0 is shut
    gaze: tuple[float, float]
    brows: float  # raised by, crop pixels
    wears: frozenset[str]  # of glasses, shades, cap, mask, hand


def draw_mood(rng: np.random.Generator) -> Mood:
    """The expression and occlusions of one photo."""
    chances = {"glasses": 0.12, "shades": 0.03, "cap": 0.09, "mask": 0.03, "hand": 0.05}
    rolls = rng.random(len(chances))
    wears = frozenset(
        name for (name, chance), roll in zip(chances.items(), rolls, strict=True) if roll < chance
    )
    return Mood(
        smile=float(np.clip(rng.normal(0.2, 0.4), -0.4, 1.0)),
        mouth_open=float(max(0.0, rng.normal(-1.0, 3.0))),
        blink=float(np.clip(rng.normal(0.95, 0.2), 0.1, 1.25)),
        gaze=(float(rng.normal(0, 1.1)), float(rng.normal(0, 0.5))),
        brows=float(rng.normal(0, 0.9)),
        wears=wears,
    )
