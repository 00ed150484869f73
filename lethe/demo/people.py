"""Synthetic people for the demo: who they are is fixed, how each photo shows them is drawn.

A person is about a hundred continuous numbers (proportions, colours, a relief, moles), so people
shade into one another and only a trained recogniser tells them apart. Everything follows from
seeds; no face of a real person went into it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lethe.demo import camera, portrait
from lethe.demo.mood import draw_mood

TRAINED = range(0, 3000)
"""Seeds of the people whom the shipped recogniser was trained on; the demo never shows them."""
UNSEEN = range(100_000, 100_240)
"""Seeds of the demo's people: the recogniser has never seen any of them."""

# Mean and standard deviation. Lengths are pixels of the 112x112 crop, where the eyes of the
# usual five-point template are 35 apart; angles are degrees; the rest are fractions.
TRAITS: dict[str, tuple[float, float]] = {
    "face_width": (39.0, 2.6),  # half, at the cheekbones
    "jaw_width": (0.80, 0.07),  # of face_width, at the mouth
    "chin_width": (0.36, 0.08),
    "chin_length": (63.0, 3.6),  # below the eyes
    "temple_width": (0.93, 0.04),
    "hairline": (37.0, 4.5),  # above the eyes
    "hairline_peak": (2.0, 3.5),
    "hair_volume": (7.0, 3.5),
    "hair_length": (30.0, 38.0),  # below the eyes; negative is cropped short
    "hair_part": (0.0, 0.45),
    "hair_fringe": (0.0, 5.0),
    "hair_light": (0.30, 0.21),
    "hair_warmth": (0.5, 0.28),
    "skin_tone": (0.42, 0.24),
    "skin_red": (0.0, 1.0),
    "cheek_red": (0.35, 0.25),
    "freckles": (-0.3, 0.8),  # none below zero
    "beard": (-0.35, 0.55),  # none below zero
    "moustache": (-0.35, 0.55),
    "eye_gap": (17.6, 1.3),  # half the distance between the pupils
    "eye_width": (7.0, 0.75),  # half
    "eye_open": (2.9, 0.55),
    "eye_tilt": (3.0, 4.0),
    "eye_crease": (2.2, 0.9),
    "eye_bags": (0.35, 0.25),
    "iris_size": (2.75, 0.22),
    "iris_hue": (0.5, 0.33),
    "iris_light": (0.4, 0.22),
    "lashes": (0.5, 0.25),
    "brow_height": (9.6, 1.7),
    "brow_length": (10.5, 1.3),
    "brow_thick": (2.1, 0.65),
    "brow_arch": (2.2, 1.2),
    "brow_tilt": (0.0, 1.5),
    "brow_gap": (8.0, 1.4),  # half the distance between the inner ends
    "brow_dark": (0.7, 0.18),
    "nose_length": (20.5, 2.4),
    "nose_width": (7.2, 1.1),
    "nose_bridge": (3.0, 0.7),
    "nose_high": (9.5, 2.2),
    "nose_tip": (3.6, 0.7),
    "nostrils": (1.5, 0.35),
    "mouth_drop": (40.8, 2.2),  # below the eyes
    "mouth_width": (14.4, 1.6),  # half
    "lip_upper": (2.8, 0.8),
    "lip_lower": (3.7, 0.9),
    "lip_bow": (1.1, 0.5),
    "lip_curl": (0.0, 1.1),
    "lip_red": (0.5, 0.25),
    "brow_ridge": (2.2, 1.1),
    "socket_deep": (3.4, 1.1),
    "cheekbone": (3.0, 1.4),
    "cheek_full": (0.0, 1.7),
    "folds": (0.8, 0.6),
    "chin_high": (3.2, 1.3),
    "forehead_high": (1.0, 1.5),
    "depth": (34.0, 3.0),
}


@dataclass(frozen=True)
class Person:
    """Who somebody is: everything about them that no photo changes."""

    seed: int
    traits: dict[str, float]
    moles: tuple[tuple[float, float, float], ...]  # x, y in crop pixels, radius
    asymmetry: tuple[float, ...]  # 2x5x5 displacements in pixels, over the crop


def make_person(seed: int) -> Person:
    """The person of this seed, the same on every machine."""
    rng = np.random.default_rng([seed, 0xFACE])
    draws = np.clip(rng.standard_normal(len(TRAITS)), -2.3, 2.3)
    traits = {
        name: float(mean + deviation * draw)
        for (name, (mean, deviation)), draw in zip(TRAITS.items(), draws, strict=True)
    }
    moles = tuple(
        (float(rng.uniform(22, 90)), float(rng.uniform(26, 108)), float(rng.uniform(0.5, 1.3)))
        for _ in range(rng.integers(0, 5))
    )
    asymmetry = tuple(float(shift) for shift in rng.normal(0.0, 1.1, 2 * 5 * 5))
    return Person(seed, traits, moles, asymmetry)


def take_photo(person: Person, seed: int) -> NDArray[np.uint8]:
    """One aligned photo, (112, 112, 3) RGB; the seed draws everything that isn't the person."""
    rng = np.random.default_rng([person.seed, seed, 0xF070])
    mood = draw_mood(rng)
    painted = portrait.paint(person.traits, person.moles, person.seed, mood, rng)
    relief = camera.relief(person.traits, mood)
    lit = camera.light(relief, rng)
    place = camera.pose(person, mood, relief, rng)
    return camera.expose(*camera.shoot(painted, lit, place), rng)


def write_people(root: Path, seeds: Iterable[int], photos: int, start: int = 0) -> None:
    """Write photos `start` … `start + photos - 1` of each person as `<root>/s<seed>/<n>.jpg`."""
    for seed in seeds:
        person = make_person(seed)
        folder = root / f"s{seed:06d}"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(start, start + photos):
            photo = cv2.cvtColor(take_photo(person, number), cv2.COLOR_RGB2BGR)
            _, jpeg = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 92])
            (folder / f"{number:03d}.jpg").write_bytes(jpeg.tobytes())
