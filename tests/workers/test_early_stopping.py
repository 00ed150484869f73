"""Early stopping: which photos are spared for it, and when a run has had enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.workers.setting import FEW, QUICK, Setting, Use
from tests.workers.short import Watcher
from workers.unlearning import course
from workers.unlearning.course import COOL_DOWN, Course
from workers.unlearning.dispersion import Dispersion
from workers.unlearning.method import Scene
from workers.unlearning.validation import spare


@pytest.mark.parametrize(("photos", "spared"), [(1, 0), (19, 0), (20, 2), (24, 2), (50, 5)])
def test_one_photo_in_ten_is_spared_where_there_are_twenty(photos: int, spared: int) -> None:
    person = np.repeat([0, 1], [photos, 20])
    found = spare(person, seed=4)
    assert found[person == 0].sum() == spared
    assert found[person == 1].sum() == 2
    assert np.array_equal(found, spare(person, seed=4))


def test_spared_photos_never_train_and_their_figures_are_shown(setting: Setting, use: Use) -> None:
    trained: list[int] = []

    class Counted(Dispersion):
        def __init__(self, scene: Scene) -> None:
            super().__init__(scene)
            trained.append(len(scene.forgotten.light))

    use(Counted)
    shown = setting.run(FEW).figures
    hidden = setting.run(replace(FEW, validate=False)).figures
    assert trained == [19, 21]
    assert 0 <= shown["validation TMR"] <= 1
    assert set(shown) - set(hidden) == {name for name in shown if name.startswith("validation")}


def test_the_learning_rate_rises_and_falls_and_a_cool_down_runs_through_the_rest() -> None:
    whole = [Course(200, step).rate for step in range(1, 201)]
    assert whole.index(max(whole)) == 19
    assert whole[-1] == pytest.approx(0.02)
    short = Course(200, step=100, cooling=100)
    assert short.end == 100 + COOL_DOWN
    rest = [replace(short, step=step) for step in range(100, short.end + 1)]
    assert rest[0].rate == pytest.approx(whole[99])
    assert [each.rate for each in rest] == sorted((each.rate for each in rest), reverse=True)
    assert (rest[-1].rate, rest[-1].done) == (pytest.approx(0.02), 1.0)


@pytest.mark.parametrize(
    ("rates", "until", "cooling"),
    [
        ([1.0] * 20, 200, 0),
        ([0.0] * 20, 200, 0),  # it gets better all the time
        ([0.0] * 20, 20, 80),  # not before 40 % of the steps
        ([0.0] * 20, 50, 80),
        ([0.0] * 20, 60, 90),
        ([1.0] * 10 + [0.0, 0.02, 0.01, 0.009] + [1.0] * 6, 100, 140),  # one check may be luck
        ([1.0] * 15 + [0.0] * 5, 140, 170),
        ([1.0] * 16 + [0.0] * 4, 150, 0),  # too late for a cool-down
    ],
)
def test_the_cool_down_begins_when_two_checks_meet_the_target_and_thirty_steps_were_no_better(
    rates: list[float], until: int, cooling: int
) -> None:
    run = Course(200)
    for step, rate in zip(range(10, 201, 10), rates, strict=True):
        run.step = step
        run.judge(rate, loss=1 - min(step, until) / 200)
    assert run.cooling == cooling


@pytest.mark.parametrize(("gain", "cooling"), [(0.0003, 80), (0.0011, 0)])
def test_a_gain_of_less_than_a_thousandth_is_none(gain: float, cooling: int) -> None:
    run = Course(200)
    for step in range(10, 201, 10):
        run.step = step
        run.judge(tmr=0.0, loss=1 - gain * step / 10)
    assert run.cooling == cooling


@pytest.mark.parametrize(("until", "cooling"), [(20, 100), (70, 130), (130, 0)])
def test_the_cool_down_begins_when_sixty_steps_were_no_better(until: int, cooling: int) -> None:
    run = Course(200)
    for step in range(10, 201, 10):
        run.step = step
        run.judge(tmr=0.5, loss=1 - min(step, until) / 200)
    assert run.cooling == cooling


@pytest.mark.parametrize(
    ("learning_rate", "steps"),
    [
        pytest.param(0.0, 40 + COOL_DOWN, id="the first check is the best: content 30 steps later"),
        pytest.param(1e-5, 80, id="every check is better: to the end"),
    ],
)
def test_a_run_that_meets_the_target_ends_early_unless_it_still_gets_better(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, learning_rate: float, steps: int
) -> None:
    monkeypatch.setattr(course, "TARGET", 1.0)
    watcher = Watcher()
    result = setting.run(replace(QUICK, steps=80, learning_rate=learning_rate), watcher)
    assert result.steps == steps
    assert watcher.texts[-1] == f"forgetting: step {steps} of {steps}"
    assert watcher.seen[-1].fraction == pytest.approx(1.0)
