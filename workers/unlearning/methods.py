"""The methods that train or change the tail, by the names that people give them."""

from __future__ import annotations

from workers.unlearning import zakharov
from workers.unlearning.boundary_shrink import BoundaryShrink
from workers.unlearning.dispersion import Dispersion
from workers.unlearning.gated import Gated
from workers.unlearning.gradient_ascent import GradientAscent, GradientAscentRetain
from workers.unlearning.method import Method, Scene
from workers.unlearning.random_labels import RandomLabels
from workers.unlearning.salun import SalUn
from workers.unlearning.scrub import Scrub
from workers.unlearning.spotter import Spotter
from workers.unlearning.ssd import SelectiveSynapticDampening

TAIL_METHODS: dict[str, type[Method]] = {
    "gated": Gated,
    "dispersion": Dispersion,
    "zakharov-uniform": zakharov.Uniform,
    "zakharov-hard": zakharov.Hard,
    "spotter": Spotter,
    "gradient-ascent": GradientAscent,
    "gradient-ascent-retain": GradientAscentRetain,
    "random-labels": RandomLabels,
    "boundary-shrink": BoundaryShrink,
    "scrub": Scrub,
    "ssd": SelectiveSynapticDampening,
    "salun": SalUn,
}


def make(scene: Scene) -> Method:
    """The plan's method on this scene."""
    return TAIL_METHODS[scene.plan.method](scene)
