"""The loop that all methods share: freeze, cache, scene, method, train, done."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from storage.errors import BadInput
from storage.uploads.images import Pixels
from workers.recognizer import Recognizer
from workers.unlearning import methods
from workers.unlearning.anchors import Anchors
from workers.unlearning.checkpoints import Checkpoints, run_key
from workers.unlearning.forgotten import Forgotten
from workers.unlearning.frozen import choose_cut, reference_activations
from workers.unlearning.method import Scene
from workers.unlearning.plan import Plan, Step, Watch
from workers.unlearning.projection import project
from workers.unlearning.sample import sample
from workers.unlearning.snapshot import Saver
from workers.unlearning.tail import Tail
from workers.unlearning.training import PREPARED, Diverged, Training
from workers.unlearning.validation import Validation, spare

__all__ = ["Diverged", "NothingToForget", "Unlearned", "unlearn"]


class NothingToForget(BadInput):
    """A subject without photos, or a run without subjects."""


@dataclass(frozen=True, eq=False)
class Unlearned:
    tensors: dict[str, NDArray[np.float32]]  # initialiser → its new values
    cut: str  # the tensor after which the network was changed
    steps: int  # that were taken: fewer than planned where validation said so
    seconds: float
    figures: dict[str, float]  # the loss's terms at the end, and validation's
    note: str = ""  # how the method was carried out on this network


def unlearn(
    recognizer: Recognizer,
    subjects: Sequence[Pixels],
    reference: Mapping[str, Pixels],
    plan: Plan,
    watch: Watch = lambda _: None,
    cache: Path | None = None,
    checkpoints: Checkpoints | None = None,
) -> Unlearned:
    """New weights with which the faces of ``subjects`` scatter.

    Args:
        subjects: forget photos of each subject, (N, S, S, 3) RGB crops.
        reference: crops of each other person.
        cache: folder for the reference faces' activations.
        checkpoints: where a run that was killed goes on from. Whoever gave it removes it, once
            the result is safe.

    Raises:
        NothingToForget
        Diverged: the training failed; nothing was changed.
    """
    if not subjects or not all(len(crops) for crops in subjects):
        raise NothingToForget("no photos of the subject: at least one is needed to forget")
    start = time.monotonic()
    if plan.method == "projection":
        tensors = project(recognizer, [recognizer.embed(crops) for crops in subjects])
        pooled = recognizer.last_linear.features
        return Unlearned(tensors, pooled, 0, time.monotonic() - start, {})
    scene, validation = _scene(recognizer, subjects, reference, plan, watch, cache)
    watch(Step(0.75 * PREPARED, "preparing the network"))
    method = methods.make(scene)
    steps, figures = 0, dict[str, float]()
    if method.trains:
        key = run_key(recognizer, subjects, reference, plan) if checkpoints else ""
        training = Training(method, validation, watch, Saver(checkpoints, key))
        if plan.processes > 1:
            from workers.unlearning.spread import spread

            with spread(recognizer, scene.cut, scene.tail, plan.processes) as together:
                training.run(together.embed)
        else:
            training.run()
        steps, figures = training.course.step, training.figures
    seconds, tensors = time.monotonic() - start, scene.tail.tensors()
    return Unlearned(tensors, scene.cut.tensor, steps, seconds, figures, method.note)


def _scene(
    recognizer: Recognizer,
    subjects: Sequence[Pixels],
    reference: Mapping[str, Pixels],
    plan: Plan,
    watch: Watch,
    cache: Path | None,
) -> tuple[Scene, Validation | None]:
    """What the method works on, and photos that it never sees, to say when it is enough."""
    torch.manual_seed(plan.seed)
    cut = choose_cut(recognizer.cut_points(), plan)
    reference = sample(reference, plan.reference_faces)
    watch(Step(0.0, "embedding the reference faces"))
    others = np.concatenate(list(reference.values()))
    kept = reference_activations(recognizer, cut, others, cache)
    watch(Step(PREPARED / 2, "embedding views of the subject's photos"))
    rng = np.random.default_rng(plan.seed)
    tail = Tail(recognizer, cut)
    photos = Forgotten.make(recognizer, cut, tail, subjects, plan)
    person = np.repeat(np.arange(len(reference)), [len(crops) for crops in reference.values()])
    anchors = Anchors.make(tail, kept, person, rng)
    validation = None
    if plan.validate and methods.TAIL_METHODS[plan.method].trains:
        spared = spare(photos.person, plan.seed)
        validation = Validation.make(tail, photos, spared, anchors)
    forgotten = photos.only(~spared) if validation else photos
    return Scene(recognizer, cut, tail, forgotten, anchors, plan, rng), validation
