"""The loop that all methods share: freeze, cache, step, stop."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from storage.errors import BadInput, LetheError
from storage.images import Pixels
from workers.recognizer import Recognizer
from workers.unlearning import methods
from workers.unlearning.anchors import Anchors
from workers.unlearning.batches import Batches
from workers.unlearning.forgotten import Forgotten
from workers.unlearning.frozen import choose_cut, reference_activations
from workers.unlearning.method import Method, Scene
from workers.unlearning.plan import Plan, Step, Watch
from workers.unlearning.projection import project
from workers.unlearning.tail import Tail

WARM_UP = 0.1  # of the steps, up to the peak of the learning rate
PREPARED = 0.3  # of the shown progress is the making of activations
SHOW_EVERY = 10  # steps: reading a figure waits for the device


class NothingToForget(BadInput):
    """A subject without photos, or a run without subjects."""


class Diverged(LetheError):
    """The loss is no number any more."""


@dataclass(frozen=True, eq=False)
class Unlearned:
    tensors: dict[str, NDArray[np.float32]]  # initialiser → its new values
    cut: str  # the tensor after which the network was changed
    steps: int
    seconds: float
    figures: dict[str, float]  # the loss's terms at the end


def unlearn(
    recognizer: Recognizer,
    subjects: Sequence[Pixels],
    reference: Mapping[str, Pixels],
    plan: Plan,
    watch: Watch = lambda _: None,
    cache: Path | None = None,
) -> Unlearned:
    """New weights with which the faces of ``subjects`` scatter.

    Args:
        subjects: forget photos of each subject, (N, S, S, 3) RGB crops.
        reference: crops of each other person.
        cache: folder for the reference faces' activations.

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
    torch.manual_seed(plan.seed)
    cut = choose_cut(recognizer.cut_points(), plan)
    watch(Step(0.0, "embedding the reference faces"))
    others = np.concatenate(list(reference.values()))
    kept = reference_activations(recognizer, cut, others, cache)
    watch(Step(PREPARED / 2, "embedding views of the subject's photos"))
    rng = np.random.default_rng(plan.seed)
    tail = Tail(recognizer, cut)
    forgotten = Forgotten.make(recognizer, cut, tail, subjects, plan)
    person = np.repeat(np.arange(len(reference)), [len(crops) for crops in reference.values()])
    scene = Scene(tail, forgotten, Anchors.make(tail, kept, person, rng), plan, rng)
    figures = _train(methods.make(scene), Batches(scene), watch)
    return Unlearned(tail.tensors(), cut.tensor, plan.steps, time.monotonic() - start, figures)


def _train(method: Method, batches: Batches, watch: Watch) -> dict[str, float]:
    tail, plan = method.scene.tail, method.scene.plan
    optimizer = torch.optim.Adam(tail.parameters(), lr=plan.learning_rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, plan.steps))
    figures: dict[str, float] = {}
    for step in range(1, plan.steps + 1):
        terms = method.loss(batches.draw(), step / plan.steps)
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if step % SHOW_EVERY == 0 or step == plan.steps:
            figures = {name: float(term.detach()) for name, term in terms.items()}
            if not all(map(math.isfinite, figures.values())):
                raise Diverged(f"the loss is no number any more after step {step}")
            done = PREPARED + (1 - PREPARED) * step / plan.steps
            watch(Step(done, f"forgetting: step {step} of {plan.steps}", figures))
    return figures


def _rate(step: int, steps: int) -> float:
    """Up in a straight line, then down along a cosine; a factor of the peak."""
    done = (step + 1) / steps
    if done < WARM_UP:
        return done / WARM_UP
    return 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))
