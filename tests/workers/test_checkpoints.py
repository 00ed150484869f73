"""Checkpoints: a run goes on where it was cut off, and only ever from its own."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from tests.workers.setting import FEW, Setting
from tests.workers.short import Killed, Watcher, dies
from workers.unlearning import FileCheckpoints, snapshot
from workers.unlearning.loop import Unlearned


@pytest.fixture(scope="module")
def unbroken(setting: Setting) -> Unlearned:
    return setting.run()


def same(one: Unlearned, other: Unlearned) -> bool:
    return all(np.array_equal(one.tensors[name], other.tensors[name]) for name in one.tensors)


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
