"""Which reference faces hold the rest in place: past so many, more only cost time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from storage.uploads.images import Pixels

SEED = 0  # of its own: a run with another seed must find the cached activations, too


def sample(reference: Mapping[str, Pixels], most: int) -> Mapping[str, Pixels]:
    """At most ``most`` faces, from everybody as nearly alike many as there are photos.

    The same for the same faces, whoever asks; a sample's sample is itself. Where there are more
    people than ``most``, some are left out.
    """
    sizes = [len(crops) for crops in reference.values()]
    if sum(sizes) <= most:
        return reference
    rng = np.random.default_rng(SEED)
    turn = np.concatenate([rng.permutation(size) for size in sizes])  # (N,) among the own photos
    person = np.repeat(rng.permutation(len(sizes)), sizes)  # (N,) who comes first in each turn
    taken = np.zeros(len(turn), dtype=bool)
    taken[np.lexsort((person, turn))[:most]] = True
    own = np.split(taken, np.cumsum(sizes)[:-1])
    return {
        who: crops[which]
        for (who, crops), which in zip(reference.items(), own, strict=True)
        if which.any()
    }
