"""What a run of unlearning is told, and what it tells while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from storage.errors import BadInput

METHODS = ("dispersion",)


class BadPlan(BadInput):
    """A plan that cannot be carried out."""


@dataclass(frozen=True)
class Plan:
    """Numbers found on people that the checks never saw; see docs/method.md for how."""

    method: str = "dispersion"
    seed: int = 0
    steps: int = 200
    learning_rate: float = 1e-3  # Adam, at the peak of one cycle
    forget_batch: int = 60  # views of the subjects' photos in a step
    views_per_photo: int = 3  # of one photo in a step: they must scatter, too
    reference_batch: int = 64
    forget_views: int = 12  # augmented views made of each forget photo
    reference_views: int = 2  # … of each reference face
    tail_share: float = 0.05  # of the network's multiply-adds, at most, lies after the cut

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            known = ", ".join(METHODS)
            raise BadPlan(f"method {self.method!r}: there is none of this name; choose {known}")


@dataclass(frozen=True)
class Step:
    """Progress of a run."""

    fraction: float  # 0…1 of the whole run
    text: str
    figures: dict[str, float] = field(default_factory=dict)  # the loss and its terms


Watch = Callable[[Step], None]
