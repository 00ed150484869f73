"""Compactness: how much more a person's photos cluster than a random mix of people does.

The measure is the mean resultant length of directional statistics (Mardia and Jupp 2000), the
length of the mean of n templates: its square is (1 + (n − 1) s) / n, where s is their mean
similarity. Compactness is the person's mean resultant length over that of as many photos of as
many different people, so s is the mean mated similarity above and the mean non-mated one below.
1: the photos are as scattered as photos of strangers. It grows with n, so n is fixed, and figures
of subjects with few and with many photos can be compared.
"""

from __future__ import annotations

import numpy as np

from workers.certification.intervals import Floats

PHOTOS = 20


def compactness(mated: float, non_mated: float) -> float:
    """From the mean mated and the mean non-mated similarity."""
    return float(ratios(np.array(mated), non_mated))


def ratios(mated: Floats, non_mated: float) -> Floats:
    """The same for many mean mated similarities. 0 where the photos cancel each other out."""
    others = np.maximum(_square(np.array(non_mated)), np.finfo(float).eps)
    found: Floats = np.sqrt(_square(mated) / others)
    return found


def _square(similarity: Floats) -> Floats:
    """The squared mean resultant length, times n."""
    found: Floats = np.maximum(1 + (PHOTOS - 1) * similarity, 0.0)
    return found
