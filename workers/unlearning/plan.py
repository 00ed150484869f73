"""What a run of unlearning is told, and what it tells while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from storage.errors import BadInput

METHODS = (
    "gated",
    "dispersion",
    "projection",
    "zakharov-uniform",
    "zakharov-hard",
    "spotter",
    "gradient-ascent",
    "gradient-ascent-retain",
    "random-labels",
    "boundary-shrink",
    "scrub",
    "ssd",
    "salun",
)


class BadPlan(BadInput):
    """A plan that cannot be carried out."""


@dataclass(frozen=True)
class Plan:
    """Numbers found on people that the checks never saw; docs/method.md says how."""

    method: str = "gated"
    seed: int = 0
    steps: int = 250
    learning_rate: float = 1e-3  # Adam, at its peak
    light_batch: int = 40  # lightly changed views of the subjects' photos in a step
    strong_batch: int = 20  # strongly changed ones
    reference_batch: int = 64
    reference_faces: int = 1000  # a sample, balanced over people: the cost stays flat past it
    light_views: int = 8  # made of each forget photo
    strong_views: int = 12
    # At most so much of the network trains, whichever is more: a step must stay cheap, and a
    # small network must have enough left to learn with.
    tail_share: float = 0.05  # of the network's multiply-adds
    tail_macs: int = 10_000_000  # multiply-adds a face
    validate: bool = True  # spare some of many photos to stop early; False: all train, all steps
    processes: int = 1  # that train together, one for each GPU; the result does not depend on them

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            known = ", ".join(METHODS)
            raise BadPlan(f"method {self.method!r}: there is none of this name; choose {known}")


@dataclass(frozen=True)
class Step:
    """Progress of a run."""

    fraction: float  # 0…1 of the whole run
    text: str
    figures: dict[str, float] = field(default_factory=dict)  # the loss's terms, and validation's


Watch = Callable[[Step], None]
