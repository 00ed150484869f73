"""The naive run: the same loss and the same batches, but each step goes through the whole network.

It is our own loop with the cut at the picture: all layers train, nothing is frozen, nothing is
cached. Making its views, their old templates and the reference faces' is not counted, which
flatters it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from storage.uploads.images import Pixels
from workers.recognizer import CutPoint, Recognizer
from workers.unlearning import Plan, methods
from workers.unlearning.anchors import Anchors
from workers.unlearning.augmentation import LIGHT, STRONG, views
from workers.unlearning.forgotten import Forgotten
from workers.unlearning.method import Scene
from workers.unlearning.sample import sample
from workers.unlearning.snapshot import Saver
from workers.unlearning.tail import Tail
from workers.unlearning.training import Training

REFERENCE = 200  # faces: a step's cost does not depend on how many there are to draw from


def seconds_a_step(
    recognizer: Recognizer, subject: Pixels, reference: Mapping[str, Pixels], steps: int
) -> float:
    """Mean over so many steps, after one that is not counted."""
    _trained(recognizer, subject, reference, 1)
    return _trained(recognizer, subject, reference, steps) / steps


def _trained(
    recognizer: Recognizer, subject: Pixels, reference: Mapping[str, Pixels], steps: int
) -> float:
    plan = Plan(method="dispersion", steps=steps, validate=False)
    made = methods.make(scene(recognizer, subject, reference, plan))
    training = Training(made, None, lambda _: None, Saver(None, ""))
    start = time.monotonic()
    training.run()
    return time.monotonic() - start


def scene(
    recognizer: Recognizer, subject: Pixels, reference: Mapping[str, Pixels], plan: Plan
) -> Scene:
    """A scene whose tail is the whole network; ``subject``: (N, S, S, 3)."""
    size = recognizer.input_size
    everything = tuple(recognizer.file.topology.trainable)
    picture = CutPoint(recognizer.input_name, (3, size, size), everything, 0)
    photos = np.concatenate([subject[:, None], views(subject, 1, plan.seed, LIGHT)], axis=1)
    harsh = views(subject, 2, plan.seed, STRONG)
    forgotten = Forgotten(
        _pictures(recognizer, photos),
        _pictures(recognizer, harsh),
        _templates(recognizer, photos),
        _templates(recognizer, harsh),
        np.zeros(len(subject), dtype=np.int64),
    )
    held = sample(reference, REFERENCE)
    faces = np.concatenate(list(held.values()))
    templates = _templates(recognizer, faces)
    person = np.repeat(np.arange(len(held)), [len(crops) for crops in held.values()])
    anchors = Anchors(_pictures(recognizer, faces), templates, templates, person)
    rng = np.random.default_rng(plan.seed)
    tail = Tail(recognizer, picture)
    return Scene(recognizer, picture, tail, forgotten, anchors, plan, rng)


def _pictures(recognizer: Recognizer, crops: Pixels) -> Tensor:
    """(…, S, S, 3) → (…, 3, S, S) half precision, which holds 0…255 exactly."""
    flat = recognizer.preprocess(crops.reshape(-1, *crops.shape[-3:]))
    return torch.from_numpy(flat.reshape(*crops.shape[:-3], *flat.shape[1:]).astype(np.float16))


def _templates(recognizer: Recognizer, crops: Pixels) -> Tensor:
    """(…, S, S, 3) → (…, D)."""
    found = recognizer.embed(crops.reshape(-1, *crops.shape[-3:]))
    return torch.from_numpy(found.reshape(*crops.shape[:-3], -1))
