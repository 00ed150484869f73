"""A network that two processes train together comes out as if one had trained it.

Gloo on CPUs; on GPUs it would be NCCL.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.workers.setting import FEW, QUICK, Setting
from workers.unlearning.frozen import choose_cut
from workers.unlearning.spread import spread
from workers.unlearning.tail import Tail


def _loss(pooled: Tensor, templates: Tensor) -> Tensor:
    """Everybody against everybody, as the methods do; no part of a batch has a loss of its own."""
    return (templates @ templates.T).relu().square().sum() + (pooled @ pooled.T).square().mean()


def _gradients(tail: Tail, loss: Tensor) -> list[Tensor]:
    for weight in tail.parameters():
        weight.grad = None
    loss.backward()
    return [torch.as_tensor(weight.grad).clone() for weight in tail.parameters()]


def test_the_gradients_of_two_processes_are_those_of_one(setting: Setting) -> None:
    """In a second step, too, with other weights and another batch that cannot be halved."""
    recognizer = setting.recognizer
    cut = choose_cut(recognizer.cut_points(), QUICK)
    tail = Tail(recognizer, cut)
    torch.manual_seed(0)
    with spread(recognizer, cut, tail, 2) as together:
        for faces in (12, 7):
            shown = torch.randn(faces, *cut.shape)
            one = _gradients(tail, _loss(*tail.embed(shown)))
            two = _gradients(tail, _loss(*together.embed(shown)))
            for alone, both in zip(one, two, strict=True):
                torch.testing.assert_close(
                    both, alone, rtol=1e-3, atol=1e-4 * float(alone.abs().max())
                )
            with torch.no_grad():
                for weight in tail.parameters():
                    weight += 0.01 * weight.std() * torch.randn_like(weight)


def test_a_run_of_two_processes_goes_the_way_of_one(setting: Setting) -> None:
    """Adam makes much of the rounding of small gradients, so the weights differ a little."""
    plan = replace(FEW, method="dispersion", validate=False)
    alone, together = setting.run(plan), setting.run(replace(plan, processes=2))
    assert together.steps == alone.steps
    assert together.figures == pytest.approx(alone.figures, rel=1e-3)
    one, two = (
        np.concatenate(
            [(made - setting.before(name)).ravel() for name, made in run.tensors.items()]
        )
        for run in (alone, together)
    )
    assert one @ two > 0.99 * np.linalg.norm(one) * np.linalg.norm(two) > 0
