"""The loop that all methods share: freeze, cache, step, stop."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from storage.errors import BadInput, LetheError
from storage.images import Pixels
from workers.recognizer import Recognizer
from workers.recognizer.graph import GraphModule
from workers.recognizer.topology import CutPoint
from workers.unlearning.dispersion import Batch, dispersion
from workers.unlearning.frozen import Activations, activations, choose_cut
from workers.unlearning.plan import Plan, Step, Watch

WARM_UP = 0.1  # of the steps, up to the peak of the learning rate
PREPARED = 0.3  # of the shown progress is the making of activations


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
    torch.manual_seed(plan.seed)
    cut = choose_cut(recognizer.cut_points(), plan.tail_share)
    watch(Step(0.0, "embedding the reference faces"))
    others = np.concatenate(list(reference.values()))
    kept = activations(recognizer, cut, others, plan.reference_views, 0, cache)
    watch(Step(PREPARED / 2, "embedding views of the subject's photos"))
    photos = activations(recognizer, cut, np.concatenate(subjects), plan.forget_views, plan.seed)
    people = np.repeat(np.arange(len(subjects)), [len(crops) for crops in subjects])
    trainer = _Trainer(recognizer.module(), cut, kept, photos, people, plan)
    figures = trainer.train(watch)
    return Unlearned(trainer.tensors(), cut.tensor, plan.steps, time.monotonic() - start, figures)


class _Trainer:
    """The tail of the network, and batches for it."""

    def __init__(
        self,
        module: GraphModule,
        cut: CutPoint,
        kept: Activations,
        photos: Activations,
        people: NDArray[np.int64],
        plan: Plan,
    ) -> None:
        self._module, self._cut, self._plan = module, cut, plan
        self._kept, self._photos, self._people = kept, photos, people
        self._rng = np.random.default_rng(plan.seed)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        module.to(self._device)
        self._weights = {name: module.weights[name] for name in cut.parameters}
        for name, weight in module.weights.items():
            weight.requires_grad_(name in self._weights)
        self._others = torch.from_numpy(kept.templates[:, 0]).to(self._device)
        self._centres = F.normalize(
            torch.stack(
                [
                    torch.from_numpy(photos.templates[people == person, 0]).mean(0)
                    for person in range(people.max() + 1)
                ]
            )
        ).to(self._device)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        return {name: weight.detach().cpu().numpy() for name, weight in self._weights.items()}

    def train(self, watch: Watch) -> dict[str, float]:
        plan = self._plan
        optimizer = torch.optim.Adam(self._weights.values(), lr=plan.learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, plan.learning_rate, plan.steps, pct_start=WARM_UP
        )
        figures: dict[str, float] = {}
        for step in range(plan.steps):
            terms = dispersion(self._batch())
            loss = torch.stack(list(terms.values())).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            if step % 10 == 9 or step == plan.steps - 1:  # reading figures waits for the device
                figures = {name: float(term.detach()) for name, term in terms.items()}
                self._check(figures, step)
                done = PREPARED + (1 - PREPARED) * (step + 1) / plan.steps
                watch(Step(done, f"forgetting: step {step + 1} of {plan.steps}", figures))
        return figures

    def _check(self, figures: Mapping[str, float], step: int) -> None:
        if not np.isfinite(list(figures.values())).all():
            raise Diverged(f"the loss is no number any more after step {step + 1}")

    def _batch(self) -> Batch:
        plan, photos, kept = self._plan, self._photos, self._kept
        photo, view = self._draw_views()
        face = self._rng.integers(0, len(kept.cut), plan.reference_batch)
        face_view = self._rng.integers(0, kept.cut.shape[1], plan.reference_batch)
        cut = np.concatenate([photos.cut[photo, view], kept.cut[face, face_view]])
        embedded = F.normalize(self._embed(self._tensor(cut.astype(np.float32))))
        person = torch.from_numpy(self._people[photo]).to(self._device)
        return Batch(
            forgotten=embedded[: len(photo)],
            old=self._tensor(photos.templates[photo, view]),
            centre=self._centres[person],
            person=person,
            kept=embedded[len(photo) :],
            kept_old=self._tensor(kept.templates[face, face_view]),
            others=self._others,
        )

    def _draw_views(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Photos without repetition, and as many different views of each as fill the batch."""
        photos, count = self._photos.cut.shape[:2]
        drawn = self._rng.permutation(photos)[
            : max(1, self._plan.forget_batch // self._plan.views_per_photo)
        ]
        each = min(count, max(1, self._plan.forget_batch // len(drawn)))
        views = np.concatenate([self._rng.permutation(count)[:each] for _ in drawn])
        return np.repeat(drawn, each), views

    def _embed(self, cut: Tensor) -> Tensor:
        output = self._module.file.output_name
        return self._module.run({self._cut.tensor: cut}, [output])[output]

    def _tensor(self, values: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(values).to(self._device, non_blocking=True)
