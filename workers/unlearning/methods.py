"""The methods that train or change the tail, by the names that people give them."""

from __future__ import annotations

from workers.unlearning.dispersion import Dispersion
from workers.unlearning.method import Method, Scene

TAIL_METHODS: dict[str, type[Method]] = {
    "dispersion": Dispersion,
}


def make(scene: Scene) -> Method:
    """The plan's method on this scene."""
    return TAIL_METHODS[scene.plan.method](scene)
