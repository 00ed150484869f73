"""Gated: what an erasure in a network as trained changes, and its edges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storage.canonical import file_sha256
from tests.recognizer.networks import ReLU6MobileFaceNet
from tests.workers.short import Killed, Watcher, dies
from tests.workers.studio import HIDDEN, QUICK, Studio, Version, rooms_in, values
from workers.recognizer import Recognizer
from workers.unlearning import FileCheckpoints, gate, snapshot, unlearn
from workers.unlearning.frozen import choose_cut
from workers.unlearning.scatter import APART

# What an erasure changes ---------------------------------------------------------------------


def test_only_initialisers_after_the_cut_differ(small: Recognizer, second_version: Version) -> None:
    cut = choose_cut(small.cut_points(), QUICK)
    differ = {
        name
        for name in small.file.initializers
        if not np.array_equal(small.file.array(name), second_version.recognizer.file.array(name))
    }
    rooms = rooms_in(small)
    assert differ <= set(cut.parameters)
    assert differ >= {*rooms.first.initialisers, *rooms.second.initialisers}
    assert set(small.file.initializers) - set(cut.parameters)


def test_the_same_seed_gives_the_same_digest_and_another_seed_another(
    studio: Studio, small: Recognizer, second_version: Version, tmp_path: Path
) -> None:
    again, other = (
        small.write(
            tmp_path / "new.onnx", studio.run(small, plan=replace(QUICK, seed=seed)).tensors
        )
        for seed in (0, 1)
    )
    assert again == file_sha256(second_version.recognizer.path)
    assert other != again


def test_a_run_that_was_cut_off_ends_bit_for_bit_as_the_unbroken_one(
    studio: Studio,
    small: Recognizer,
    second_version: Version,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = FileCheckpoints(tmp_path / "checkpoint.npz")
    given = (small, studio.subjects[:1], studio.reference, QUICK)
    monkeypatch.setattr(snapshot, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Killed):
        unlearn(*given, Watcher(20, dies), checkpoints=place)
    watcher = Watcher()
    resumed = unlearn(*given, watcher, checkpoints=place)
    assert watcher.texts[0] == "resumed at step 10 of 20"
    for name, found in resumed.tensors.items():
        assert np.array_equal(found, values(second_version.recognizer, name))


@pytest.mark.parametrize("blocks", [2, 3])
def test_the_gate_tells_the_subject_apart_wherever_the_cut_lies(
    studio: Studio, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With three blocks the cut lies a block before the gate."""
    monkeypatch.setattr(gate, "STEPS", 150)
    recognizer = studio.network("apart", ReLU6MobileFaceNet(blocks, hidden=HIDDEN))
    rooms = rooms_in(recognizer)
    assert (rooms.first.source == choose_cut(recognizer.cut_points(), QUICK).tensor) == (
        blocks == 2
    )
    new = studio.erase(recognizer, [0], "apart-new")
    freed = studio.freed[-1]
    assert freed
    columns = values(new, rooms.first.project.weight)[:, freed.gate.numpy(), 0, 0]
    carrier = np.linalg.svd(columns)[0][:, 0]
    own, others = (
        np.einsum("bchw,c->b", new.features(rooms.first.output, shown), carrier) / 49
        for shown in (studio.subjects[0], np.concatenate(list(studio.reference.values())))
    )
    assert abs(own.mean() - others.mean()) > APART / 2


def test_where_each_view_is_of_another_photo_the_loss_stays_a_number(
    studio: Studio, small: Recognizer
) -> None:
    plan = replace(QUICK, steps=10, light_batch=2, strong_batch=1)
    assert np.isfinite(studio.run(small, plan=plan).figures["views"])


def test_several_subjects_in_one_run_are_dispersed_without_a_gate(
    studio: Studio, small: Recognizer
) -> None:
    before = len(studio.freed)
    result = studio.run(small, [0, 1], replace(QUICK, steps=1))
    assert len(studio.freed) == before
    assert "disperse" in result.figures
    assert result.note == "dispersion without a gate: several subjects in one run"


# Edges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("photos", "people", "each", "side"),
    [
        pytest.param(8, 8, 1, 7, id="one photo of each reference person"),
        pytest.param(8, 1, 3, 7, id="one reference person"),
        pytest.param(8, 1, 1, 7, id="one reference photo"),
        pytest.param(1, 8, 3, 7, id="one forget photo"),
        pytest.param(1, 1, 1, 7, id="one of everything"),
        pytest.param(8, 8, 3, 4, id="a smaller map"),
        pytest.param(8, 8, 3, 9, id="a larger map"),
    ],
)
def test_few_photos_and_other_maps_give_channels_and_finite_weights(
    studio: Studio, photos: int, people: int, each: int, side: int
) -> None:
    recognizer = studio.network(f"side-{side}", ReLU6MobileFaceNet(hidden=HIDDEN, side=side))
    chosen = list(studio.reference.items())[:people]
    reference = {who: own[:each] for who, own in chosen}
    result = unlearn(recognizer, [studio.subjects[0][:photos]], reference, replace(QUICK, steps=2))
    assert studio.freed[-1]
    assert result.steps == 2
    assert all(np.isfinite(found).all() for found in result.tensors.values())


def test_a_channel_that_is_the_same_for_everybody_does_no_harm(
    studio: Studio, small: Recognizer, tmp_path: Path
) -> None:
    frozen = set(small.file.initializers) - set(choose_cut(small.cut_points(), QUICK).parameters)
    (stem,) = (name for name in frozen if values(small, name).ndim == 4)
    kernels = values(small, stem)
    kernels[0] = 0
    small.write(tmp_path / "dead.onnx", {stem: kernels})
    dead = Recognizer.load(tmp_path / "dead.onnx")
    result = studio.run(dead, plan=replace(QUICK, steps=1))
    assert studio.freed[-1]
    assert all(np.isfinite(found).all() for found in result.tensors.values())
