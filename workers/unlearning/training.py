"""Training: a method's steps, checked every few, rolled back when they diverge, and resumed."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from storage.errors import LetheError
from workers.unlearning.batches import Batches, Embed
from workers.unlearning.course import Course
from workers.unlearning.method import Batch, Method
from workers.unlearning.plan import Step, Watch
from workers.unlearning.snapshot import Saver, Snapshot
from workers.unlearning.validation import Validation

PREPARED = 0.3  # of the shown progress is the making of activations
SHOW_EVERY = 10  # steps: reading a figure waits for the device
RETRIES = 3  # roll-backs, each with half the learning rate; then the run gives up
LOST = 0.5  # mean cosine by which the reference faces of a method that keeps them may move


class Diverged(LetheError):
    """The training failed, more slowly, too; nothing was changed."""


class Training:
    """The tail's weights are those of the last good check when ``run`` ends."""

    def __init__(
        self, method: Method, validation: Validation | None, watch: Watch, saver: Saver
    ) -> None:
        self._method, self._validation, self._watch, self._saver = method, validation, watch, saver
        scene = method.scene
        self._tail, self._rng, self._peak = scene.tail, scene.rng, scene.plan.learning_rate
        self._batches = Batches(scene)
        self._adam = torch.optim.Adam(self._tail.parameters(), lr=self._peak, betas=(0.9, 0.99))
        weights = self._tail.weights
        self._slowed = [
            (weights[name], factor.to(self._tail.device))
            for name, factor in method.speeds().items()
        ]
        self.course = Course(scene.plan.steps)
        self.figures: dict[str, float] = {}  # at the last check
        self._health = _Health()

    def run(self, embed: Embed | None = None) -> None:
        """``embed``: takes the place of the tail's own, for batches; see ``spread``.

        Raises:
            Diverged
        """
        self._batches.embed = embed or self._batches.embed
        last = self._saver.last()
        if last is not None:
            self._restore(last)
        self._good = last or self._snapshot()
        if last is not None:
            self._say(f"resumed at step {self.course.step} of {self.course.end}")
        while self.course.step < self.course.end:
            self._step()
            if self.course.step % SHOW_EVERY == 0 or self.course.step == self.course.end:
                self._check()
            elif self._saver.asked():
                self._say(f"asked to stop after step {self.course.step}")

    def _step(self) -> None:
        self.course.step += 1
        for group in self._adam.param_groups:
            group["lr"] = self._peak * self.course.rate
        batch = self._batches.draw()
        terms = self._method.loss(batch, self.course.done)
        loss = torch.stack(list(terms.values())).sum()
        self._adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._move()
        self._health.note(batch, terms, loss)

    @torch.no_grad()
    def _move(self) -> None:
        before = [weight.clone() for weight, _ in self._slowed]
        self._adam.step()
        for (weight, factor), old in zip(self._slowed, before, strict=True):
            weight.copy_(torch.lerp(old, weight, factor))
        self._method.settle()

    def _check(self) -> None:
        trouble = self._health.trouble(self._tail.parameters())
        if trouble:
            self._roll_back(trouble)
            return
        self.figures = self._health.figures()
        self._health = _Health()
        if self._validation is not None:
            found = self._validation.find()
            self.figures |= found.figures()
            self.course.judge(found.worst_tmr, found.loss)
        self._good = self._snapshot()
        self._say(f"forgetting: step {self.course.step} of {self.course.end}")
        self._saver.keep(self._good, at_once=self.course.step == self.course.end)

    def _roll_back(self, trouble: str) -> None:
        failed = self.course.step
        retries = self._good.course.retries + 1
        if retries > RETRIES:
            raise Diverged(
                f"{trouble} after step {failed} of {self.course.end}, {RETRIES} times again with "
                "half the learning rate: nothing was changed; try another seed or method"
            )
        self._good = replace(self._good, course=replace(self._good.course, retries=retries))
        self._restore(self._good)
        self._say(
            f"rolled back: {trouble} after step {failed}; again from step {self.course.step} "
            "with half the learning rate"
        )

    def _snapshot(self) -> Snapshot:
        return Snapshot.take(self._tail, self._adam, self._rng, self.course, self.figures)

    def _restore(self, snapshot: Snapshot) -> None:
        self.course = snapshot.restore(self._tail, self._adam, self._rng)
        self.figures = dict(snapshot.figures)
        self._health = _Health()

    def _say(self, text: str) -> None:
        if self._saver.asked():
            self._saver.keep(self._good, at_once=True)  # the watch stops the run
        fraction = PREPARED + (1 - PREPARED) * self.course.done
        self._watch(Step(fraction, text, self.figures))


class _Health:
    """What the steps since the last check say; read on the host only when it is asked."""

    def __init__(self) -> None:
        self._steps = 0
        self._terms: dict[str, Tensor] = {}
        self._finite: Tensor | None = None
        self._moved: Tensor | None = None

    def note(self, batch: Batch, terms: dict[str, Tensor], loss: Tensor) -> None:
        self._steps += 1
        self._terms = {name: term.detach() for name, term in terms.items()}
        finite = torch.isfinite(loss.detach())
        self._finite = finite if self._finite is None else self._finite & finite
        moved = (1 - (batch.kept.detach() * batch.kept_old).sum(1)).mean()
        self._moved = moved if self._moved is None else self._moved + moved

    def figures(self) -> dict[str, float]:
        return {name: float(term) for name, term in self._terms.items()}

    def trouble(self, weights: list[torch.nn.Parameter]) -> str | None:
        """Why the run has diverged. A loss may grow as it likes: some methods want it to."""
        finite = [torch.isfinite(weight).all() for weight in weights]
        if not bool(torch.stack([*finite, torch.as_tensor(self._finite)]).all()):
            return "the loss was no number any more"
        if "keep" in self._terms and float(torch.as_tensor(self._moved)) > LOST * self._steps:
            return "everybody else was lost"
        return None
