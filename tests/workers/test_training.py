"""Training: what methods may ask of it, and what it does when it diverges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.workers.setting import FEW, QUICK, Setting, Use
from tests.workers.short import STEPS, Watcher
from workers.unlearning.dispersion import Dispersion
from workers.unlearning.loop import Diverged
from workers.unlearning.method import Batch, Method, Scene

# What a method may ask for -------------------------------------------------------------------


def test_a_value_moves_as_fast_as_the_method_says(setting: Setting, use: Use) -> None:
    use(Dispersion)
    full = setting.run(replace(QUICK, steps=1))
    name = max(full.tensors, key=lambda each: full.tensors[each].size)

    class Slow(Dispersion):
        def speeds(self) -> dict[str, Tensor]:
            factor = torch.zeros_like(self.scene.tail.weights[name])
            factor[::2] = 0.5
            return {name: factor}

    use(Slow)
    slow, before = setting.run(replace(QUICK, steps=1)), setting.before(name)
    moved, slowed = full.tensors[name] - before, slow.tensors[name] - before
    assert np.abs(moved).min() > 0
    assert not slowed[1::2].any()
    assert np.allclose(slowed[::2], 0.5 * moved[::2], rtol=1e-3, atol=1e-7)
    assert all(
        np.array_equal(full.tensors[each], slow.tensors[each])
        for each in full.tensors
        if each != name
    )


def test_what_a_method_restores_after_each_step_stays(setting: Setting, use: Use) -> None:
    asked: list[bool] = []

    class Fixed(Dispersion):
        def settle(self) -> None:
            asked.append(torch.is_grad_enabled())
            name, weight = next(iter(self.scene.tail.weights.items()))
            weight.copy_(torch.from_numpy(setting.before(name)))

    use(Fixed)
    result = setting.run(FEW)
    first, *others = result.tensors
    assert asked == [False] * FEW.steps
    assert np.array_equal(result.tensors[first], setting.before(first))
    assert any(not np.array_equal(result.tensors[each], setting.before(each)) for each in others)


def test_a_method_that_does_not_train_sees_all_photos_and_takes_no_step(
    setting: Setting,
    use: Use,
) -> None:
    class Closed(Method):
        trains = False

        def __init__(self, scene: Scene) -> None:
            super().__init__(scene)
            assert len(scene.forgotten.light) == len(setting.subject)
            with torch.no_grad():
                for weight in scene.tail.parameters():
                    weight.add_(1.0)

    use(Closed)
    result = setting.run()
    assert result.steps == 0
    for name, values in result.tensors.items():
        assert np.array_equal(values, setting.before(name) + 1)


# Divergence ----------------------------------------------------------------------------------


def test_one_step_without_a_number_is_rolled_back_and_the_run_ends(
    setting: Setting, use: Use
) -> None:
    failed: list[float] = []

    class Stumbles(Dispersion):
        def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:
            terms = super().loss(batch, done)
            if done > 0.6 and not failed:
                failed.append(done)
                terms["keep"] = terms["keep"] * float("nan")
            return terms

    use(Stumbles)
    watcher = Watcher()
    result = setting.run(replace(QUICK, validate=False), watcher)
    (said,) = [text for text in watcher.texts if text.startswith("rolled back")]
    assert "the loss was no number any more after step 30; again from step 20" in said
    assert result.steps == STEPS
    assert all(np.isfinite(values).all() for values in result.tensors.values())
    assert all(np.isfinite(list(step.figures.values())).all() for step in watcher.seen)


def test_after_three_roll_backs_the_run_says_in_one_line_that_it_gives_up(
    setting: Setting,
    use: Use,
) -> None:
    class Falls(Dispersion):
        def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:
            return {"keep": super().loss(batch, done)["keep"] / (0.0 if done > 0.3 else 1.0)}

    use(Falls)
    watcher = Watcher()
    with pytest.raises(Diverged, match="after step 20 of 40, 3 times again") as raised:
        setting.run(watch=watcher)
    assert "\n" not in str(raised.value)
    assert sum(text.startswith("rolled back") for text in watcher.texts) == 3


def test_losing_everybody_else_is_divergence_for_a_method_that_keeps_them(
    setting: Setting,
    use: Use,
) -> None:
    def moved(batch: Batch) -> Tensor:
        return (batch.kept * batch.kept_old).sum(1).mean()

    class Drops(Method):
        def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:  # noqa: ARG002
            return {"keep": moved(batch)}

    class Ascends(Method):
        def loss(self, batch: Batch, done: float) -> dict[str, Tensor]:  # noqa: ARG002
            return {"ascent": 1e6 * moved(batch)}

    plan = replace(QUICK, learning_rate=0.05, steps=20)
    use(Drops)
    with pytest.raises(Diverged, match="everybody else was lost"):
        setting.run(plan)
    use(Ascends)
    assert setting.run(plan).figures["ascent"] < 0.5e6
