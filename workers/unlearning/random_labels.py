"""Random labelling: L. Graves, V. Nagisetty, V. Ganesh, "Amnesiac Machine Learning" (AAAI 2021,
arXiv 2010.10981).

Each forget photo is trained, in all its views, to the class of one reference person drawn at
random; reference faces are trained to their own. Departures: random views at the cut instead of
pictures, ArcFace's margin loss, and a head of templates that stays as it is.
"""

from __future__ import annotations

from torch import Tensor

from workers.unlearning.head import Head
from workers.unlearning.method import Batch, Method, Scene

RELABEL = 1.0  # weight
RETAIN = 10.0  # weight


class RandomLabels(Method):
    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._head = Head.make(scene)
        self.labels = self._head.random_labels(scene)  # (P,) by photo

    def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:  # noqa: ARG002
        wrong = self._head.margin_loss(batch.forgotten, self.labels[batch.photo])
        return {
            "relabel": RELABEL * wrong.mean(),
            "retain": RETAIN * self._head.reference_loss(batch),
        }
