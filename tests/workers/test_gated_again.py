"""Gated, one erasure after the other: what is taken stays, and where too little is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.workers.studio import (
    QUICK,
    Studio,
    Version,
    channels_of,
    flags,
    rooms_in,
    taken_in,
    values,
)
from workers.recognizer import Recognizer
from workers.unlearning import gated
from workers.unlearning.gated import FEWEST, GATE_SHARE


def test_nothing_is_taken_in_a_network_as_trained(
    small: Recognizer, second_version: Version
) -> None:
    assert not any(found.any() for found in taken_in(small))
    assert all(found.any() for found in taken_in(second_version.recognizer))


def test_nothing_is_taken_in_the_real_mobilefacenet(shared_faces: Path) -> None:
    real = Recognizer.load(shared_faces / "models" / "mobilefacenet.onnx")
    assert not any(found.any() for found in taken_in(real))


def test_after_an_erasure_the_channels_that_it_freed_are_taken_and_no_others(
    second_version: Version,
) -> None:
    freed = second_version.freed
    assert freed
    for found, mine in zip(
        taken_in(second_version.recognizer), (flags(freed.gate), flags(freed.steps)), strict=True
    ):
        assert not (found & ~mine).any()
        assert (found & mine).sum() >= 0.9 * mine.sum()


def test_a_second_erasure_takes_other_channels_and_leaves_the_first_ones_as_they_are(
    studio: Studio, second_version: Version
) -> None:
    """But for one direction, which the first steps must not read: the second gate's."""
    old = second_version.recognizer
    gating, stepping = taken_in(old)
    new = studio.erase(old, [1], "third")
    freed, rooms = studio.freed[-1], rooms_in(old)
    assert freed
    assert not (flags(freed.gate) & gating).any()
    assert not (flags(freed.steps) & stepping).any()
    before, after = (
        channels_of(each, rooms.first, gating) | channels_of(each, rooms.second, stepping)
        for each in (old, new)
    )
    expand = rooms.second.expand
    for name in before.keys() - {expand.weight, expand.bias}:
        assert np.array_equal(before[name], after[name]), name
    gone = (before[expand.weight] - after[expand.weight])[:, :, 0, 0]
    columns = values(new, rooms.first.project.weight)[:, freed.gate.numpy(), 0, 0]
    carrier = np.linalg.svd(columns)[0][:, 0]
    assert np.linalg.svd(gone)[1][1] < 1e-4 * np.linalg.svd(gone)[1][0]
    assert abs(np.linalg.svd(gone)[2][0] @ carrier) > 0.99


def test_with_too_few_channels_left_it_is_dispersion_and_what_is_taken_stays(
    studio: Studio, second_version: Version
) -> None:
    old, freed = second_version.recognizer, second_version.freed
    while freed:
        old, before = studio.erase(old, [1], "filled"), old
        freed = studio.freed[-1]
    gating, stepping = taken_in(before)
    assert (~gating).sum() * GATE_SHARE < FEWEST
    rooms = rooms_in(before)
    for block, taken in ((rooms.first, gating), (rooms.second, stepping)):
        held = channels_of(before, block, taken)
        for name, found in channels_of(old, block, taken).items():
            assert np.array_equal(found, held[name])
        moved = channels_of(old, block, ~taken), channels_of(before, block, ~taken)
        assert all(not np.array_equal(found, moved[1][name]) for name, found in moved[0].items())


def test_a_network_that_does_not_bear_it_is_left_to_dispersion(
    studio: Studio, small: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gated, "BORNE", 0.5)
    result = studio.run(small, plan=replace(QUICK, steps=1, learning_rate=1e-6))
    assert studio.freed[-1] is None
    assert "views" not in result.figures
    for name, found in result.tensors.items():
        assert np.allclose(found, values(small, name), atol=2e-6)
