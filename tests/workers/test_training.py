"""Training: what methods may ask of it, when it stops, and how it goes on after a failure."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from structlog.testing import capture_logs
from torch import Tensor

from storage.canonical import file_sha256
from storage.faces import read_photos
from storage.images import Pixels
from storage.photos import Photo
from tests.workers.cast import RECOGNISER, Cast, crops
from tests.workers.short import SHORT, STEPS, Killed, Watcher, dies
from workers.erasure import erase_file
from workers.recognizer import Recognizer
from workers.unlearning import FileCheckpoints, Plan, course, snapshot, unlearn
from workers.unlearning.course import COOL_DOWN, Course
from workers.unlearning.dispersion import Dispersion
from workers.unlearning.loop import Diverged, Unlearned
from workers.unlearning.method import Batch, Method, Scene
from workers.unlearning.methods import TAIL_METHODS
from workers.unlearning.validation import spare

QUICK = Plan(**SHORT)
Use = Callable[[type[Method]], None]
FEW = replace(QUICK, steps=2)
SECONDS = 120.0  # far more than it takes; a hanging process must not hang the tests


@dataclass(frozen=True)
class Setting:
    recognizer: Recognizer
    subject: Pixels  # 21 photos, of which two are spared
    reference: dict[str, Pixels]

    def run(self, plan: Plan = QUICK, watch: Watcher | None = None, **more: object) -> Unlearned:
        given = (self.recognizer, [self.subject], self.reference, plan, watch or Watcher())
        return unlearn(*given, **more)  # type: ignore[arg-type]

    def before(self, name: str) -> NDArray[np.float32]:
        return np.array(self.recognizer.file.array(name), dtype=np.float32)


@pytest.fixture(scope="module")
def setting(recognizer: Recognizer, cast: Cast) -> Setting:
    subject = crops([photo.data for photo in cast.subject[:21]])
    others = list(cast.reference.items())[:8]
    return Setting(recognizer, subject, {who: crops(photos[:3]) for who, photos in others})


@pytest.fixture(scope="module")
def unbroken(setting: Setting) -> Unlearned:
    return setting.run()


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """``use(Method)``: the name of the method that runs here stands for another."""
    return lambda method: monkeypatch.setitem(TAIL_METHODS, QUICK.method, method)


def same(one: Unlearned, other: Unlearned) -> bool:
    return all(np.array_equal(one.tensors[name], other.tensors[name]) for name in one.tensors)


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


# Early stopping ------------------------------------------------------------------------------


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


# Checkpoints ---------------------------------------------------------------------------------


def test_a_run_that_was_cut_off_ends_bit_for_bit_as_the_unbroken_one(
    setting: Setting,
    unbroken: Unlearned,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(snapshot, "CHECKPOINT_SECONDS", 0.0)
    place = FileCheckpoints(tmp_path / "run" / "checkpoint.npz")
    with pytest.raises(Killed):
        setting.run(watch=Watcher(30, dies), checkpoints=place)
    watcher = Watcher()
    resumed = setting.run(watch=watcher, checkpoints=place)
    assert watcher.texts[:2] == ["resumed at step 20 of 40", "forgetting: step 30 of 40"]
    assert same(resumed, unbroken)
    assert resumed.figures == unbroken.figures
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["checkpoint.npz"]


def test_a_run_that_ended_is_not_made_again(
    setting: Setting, unbroken: Unlearned, tmp_path: Path
) -> None:
    place = FileCheckpoints(tmp_path / "checkpoint.npz")
    assert same(setting.run(checkpoints=place), unbroken)
    watcher = Watcher()
    again = setting.run(watch=watcher, checkpoints=place)
    assert watcher.texts == ["resumed at step 40 of 40"]
    assert same(again, unbroken)
    assert (again.steps, again.figures) == (unbroken.steps, unbroken.figures)
    place.remove()
    assert place.load() is None


@pytest.fixture(scope="module")
def written(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The checkpoint of a run of two steps."""
    place = FileCheckpoints(tmp_path_factory.mktemp("written") / "checkpoint.npz")
    setting.run(FEW, checkpoints=place)
    data = place.load()
    assert data
    return data


@pytest.mark.parametrize("how", ["empty", "cut", "flipped", "no file of arrays"])
def test_a_checkpoint_that_cannot_be_read_is_left_aside(
    setting: Setting, written: bytes, how: str, tmp_path: Path
) -> None:
    middle = len(written) // 2
    flipped = written[:middle] + bytes([written[middle] ^ 1]) + written[middle + 1 :]
    made = {"empty": b"", "cut": written[:middle], "flipped": flipped}
    place = FileCheckpoints(tmp_path / "checkpoint.npz")
    place.save(made.get(how, b"\x80\x04N."))
    watcher = Watcher()
    with capture_logs() as logs:
        setting.run(FEW, watcher, checkpoints=place)
    assert watcher.texts == ["forgetting: step 2 of 2"]
    assert [line["event"] for line in logs] == ["checkpoint left aside: not of this run"]


def test_a_checkpoint_of_another_run_is_left_aside(
    setting: Setting, written: bytes, tmp_path: Path
) -> None:
    fewer = dict(list(setting.reference.items())[1:])
    for changed, plan in (
        (setting, replace(FEW, seed=1)),
        (setting, replace(FEW, learning_rate=1e-4)),
        (replace(setting, subject=setting.subject[1:]), FEW),
        (replace(setting, reference=fewer), FEW),
    ):
        place = FileCheckpoints(tmp_path / "checkpoint.npz")
        place.save(written)
        watcher = Watcher()
        changed.run(plan, watcher, checkpoints=place)
        assert watcher.texts == ["forgetting: step 2 of 2"]


def test_a_checkpoint_holds_weights_and_moments_and_nothing_of_a_face(
    setting: Setting, written: bytes
) -> None:
    shapes = {setting.before(name).shape for name in setting.run(FEW).tensors}
    with np.load(io.BytesIO(written), allow_pickle=False) as held:
        assert {name.split("/")[0] for name in held.files} == {"about", "adam", "rng", "weight"}
        numbers = [held[name] for name in held.files if name.split("/")[0] in {"adam", "weight"}]
        assert {values.shape for values in numbers} <= shapes | {()}
        assert len(str(held["about"])) < 2000


def test_a_disk_that_takes_no_checkpoint_does_not_stop_the_run(
    setting: Setting, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    with capture_logs() as logs:
        setting.run(FEW, checkpoints=FileCheckpoints(tmp_path / "file" / "checkpoint.npz"))
    assert [line["event"] for line in logs] == ["checkpoint not written"]


def test_a_process_killed_in_mid_training_goes_on_when_it_is_called_again(
    setting: Setting, cast: Cast, tmp_path: Path
) -> None:
    """The installed command's own main, in processes of its own, with SIGKILL."""
    folders = written_out(cast, tmp_path)
    unbroken, resumed = tmp_path / "unbroken.onnx", tmp_path / "resumed.onnx"
    photos = [Photo(str(path), path.read_bytes()) for path in read_photos(folders[0])]
    erase_file(RECOGNISER, [photos], folders[1], unbroken, QUICK, Watcher())
    first = erase(folders, resumed, tmp_path / "cache")
    (file,) = wait_for_file(tmp_path / "cache" / "checkpoints")
    first.send_signal(signal.SIGKILL)
    assert first.wait(SECONDS) == -signal.SIGKILL
    assert not resumed.exists()
    with np.load(file, allow_pickle=False) as held:
        step = json.loads(str(held["about"]))["course"]["step"]
    assert 0 < step < STEPS

    second = erase(folders, resumed, tmp_path / "cache")
    out, _ = second.communicate(timeout=SECONDS)
    assert second.returncode == 0
    assert f"resumed at step {step} of {STEPS}" in out
    assert file_sha256(resumed) == file_sha256(unbroken)
    assert file_sha256(resumed) != setting.recognizer.sha256
    assert list((tmp_path / "cache" / "checkpoints").iterdir()) == []


def written_out(cast: Cast, root: Path) -> tuple[Path, Path]:
    """Folders of the subject's photos and of the reference people."""
    subject, reference = root / "subject", root / "reference"
    subject.mkdir()
    for photo in cast.subject[:12]:
        (subject / photo.name).write_bytes(photo.data)
    for who, photos in cast.reference.items():
        (reference / who).mkdir(parents=True)
        for number, data in enumerate(photos[:4]):
            (reference / who / f"{number}.jpg").write_bytes(data)
    return subject, reference


def erase(folders: tuple[Path, Path], out: Path, cache: Path) -> subprocess.Popen[str]:
    subject, reference = folders
    command: list[str | Path] = [sys.executable, "-m", "tests.workers.quick_erase", "erase"]
    command += [RECOGNISER, "--subject", subject, "--reference", reference, "--out", out]
    env = {**os.environ, "LETHE_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, cwd=root, env=env, stdout=subprocess.PIPE, text=True)


def wait_for_file(folder: Path) -> list[Path]:
    end = time.monotonic() + SECONDS
    while not (found := list(folder.glob("*.npz"))):
        assert time.monotonic() < end
        time.sleep(0.005)
    return found
