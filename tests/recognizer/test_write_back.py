"""Trained weights go back into the file, and nothing else in it changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import insightface
import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from tests.recognizer.graphs import (
    as_typed,
    contents,
    halve,
    make,
    make_external,
    save,
    widen,
    without_values,
)
from tests.recognizer.networks import build, export
from workers.recognizer import BadModel, Recognizer

Crops = NDArray[np.uint8]
FORMS: dict[str, Callable[[onnx.ModelProto], onnx.ModelProto]] = {
    "raw": lambda model: model,
    "typed": as_typed,
    "half": halve,
    "half, typed": lambda model: as_typed(halve(model)),
    "half, widened": widen,
}


@pytest.fixture(params=FORMS)
def recognizer(request: pytest.FixtureRequest, tmp_path: Path) -> Recognizer:
    return Recognizer.load(save(FORMS[request.param](make()), tmp_path / "model.onnx"))


def train(recognizer: Recognizer, crops: Crops, names: set[str]) -> dict[str, NDArray[np.float32]]:
    """One step of gradient descent on some of the weights."""
    module = recognizer.module()
    module(torch.from_numpy(recognizer.preprocess(crops))).square().sum().backward()
    for name in names:
        weight = module.weights[name]
        assert weight.grad is not None
        weight.data -= 0.5 * weight.grad / weight.grad.abs().max()
    return module.arrays()


def fc(recognizer: Recognizer) -> str:
    return recognizer.last_linear.weight


def test_only_what_trained_differs(recognizer: Recognizer, crops: Crops, tmp_path: Path) -> None:
    new = tmp_path / "new.onnx"
    digest = recognizer.write(new, train(recognizer, crops, {fc(recognizer)}))
    before, after = onnx.load(recognizer.path), onnx.load(new)
    assert without_values(before) == without_values(after)
    old, now = contents(before), contents(after)
    assert {name for name in old if old[name] != now[name]} == {fc(recognizer)}
    assert Recognizer.load(new).sha256 == digest != recognizer.sha256


def test_the_new_file_embeds_as_the_trained_module_does(
    recognizer: Recognizer, crops: Crops, tmp_path: Path
) -> None:
    arrays = train(recognizer, crops, set(recognizer.module().weights))
    recognizer.write(tmp_path / "new.onnx", arrays)
    module = recognizer.module()
    for name, weight in module.weights.items():
        weight.data = torch.from_numpy(arrays[name])
    with torch.no_grad():
        raw = module(torch.from_numpy(recognizer.preprocess(crops)))
    ours = torch.nn.functional.normalize(raw).numpy()
    theirs = Recognizer.load(tmp_path / "new.onnx").embed(crops)
    assert (ours * theirs).sum(axis=1).min() > 0.9999
    assert (recognizer.embed(crops) * theirs).sum(axis=1).max() < 0.9999


def test_unchanged_weights_give_the_same_bytes(recognizer: Recognizer, tmp_path: Path) -> None:
    new = tmp_path / "new.onnx"
    assert recognizer.write(new, recognizer.module().arrays()) == recognizer.sha256
    assert new.read_bytes() == recognizer.path.read_bytes()


def test_the_same_weights_give_the_same_bytes_twice(
    recognizer: Recognizer, crops: Crops, tmp_path: Path
) -> None:
    arrays = train(recognizer, crops, {fc(recognizer)})
    first = recognizer.write(tmp_path / "a.onnx", arrays)
    assert recognizer.write(tmp_path / "b.onnx", arrays) == first
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


@pytest.mark.parametrize("family", ["iresnet", "mobilefacenet", "ghostfacenet", "vit"])
def test_insightface_loads_the_result_of_every_family(
    family: str, crops: Crops, tmp_path: Path
) -> None:
    recognizer = Recognizer.load(export(build(family), tmp_path / "model.onnx"))
    cut = recognizer.cut_points()[-2]
    arrays = train(recognizer, crops, set(cut.parameters))
    new = tmp_path / "new.onnx"
    recognizer.write(new, arrays)
    before, after = onnx.load(recognizer.path), onnx.load(new)
    assert without_values(before) == without_values(after)
    old, now = contents(before), contents(after)
    assert {name for name in old if old[name] != now[name]} == set(cut.parameters)
    insight = insightface.model_zoo.get_model(str(new))
    raw = insight.get_feat([crop[..., ::-1] for crop in crops])
    theirs = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    np.testing.assert_allclose(Recognizer.load(new).embed(crops), theirs, atol=1e-5)


def test_external_data_is_written_beside_the_new_file(crops: Crops, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    recognizer = Recognizer.load(make_external(make(), tmp_path / "model.onnx"))
    arrays = train(recognizer, crops, {"fc.w"})
    digest = recognizer.write(tmp_path / "new" / "model.onnx", arrays)
    assert (tmp_path / "new" / "model.onnx").read_bytes() == recognizer.path.read_bytes()
    loaded = Recognizer.load(tmp_path / "new" / "model.onnx")
    assert loaded.sha256 == digest != recognizer.sha256
    np.testing.assert_array_equal(loaded.file.array("fc.w"), arrays["fc.w"])
    np.testing.assert_array_equal(loaded.file.array("conv.w"), recognizer.file.array("conv.w"))
    assert set(loaded.digests) == {"model.onnx", "model.bin"}


def test_external_data_of_another_model_is_never_overwritten(crops: Crops, tmp_path: Path) -> None:
    recognizer = Recognizer.load(make_external(make(), tmp_path / "model.onnx"))
    before = (tmp_path / "model.bin").read_bytes()
    with pytest.raises(BadModel, match=r"model\.bin: holds another model's external data"):
        recognizer.write(tmp_path / "new.onnx", train(recognizer, crops, {"fc.w"}))
    assert (tmp_path / "model.bin").read_bytes() == before
    assert not (tmp_path / "new.onnx").exists()


def test_external_data_that_changed_meanwhile_is_not_written(tmp_path: Path) -> None:
    recognizer = Recognizer.load(make_external(make(), tmp_path / "model.onnx"))
    data = tmp_path / "model.bin"
    data.write_bytes(bytes(len(data.read_bytes())))
    with pytest.raises(BadModel, match=r"model\.bin: changed since"):
        recognizer.write(tmp_path / "new" / "model.onnx", {})


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("nobody", np.zeros(3, np.float32), "no float initialiser 'nobody'"),
        ("fc.w", np.zeros(3, np.float32), "'fc.w'.*shape"),
        ("fc.w", np.full((8, 32), np.nan, np.float32), "'fc.w'.*cannot hold"),
        ("fc.w", np.full((8, 32), 1e6, np.float32), "'fc.w'.*float16 cannot hold"),
    ],
)
def test_weights_that_the_file_cannot_hold_are_refused(
    name: str, values: NDArray[np.float32], why: str, tmp_path: Path
) -> None:
    recognizer = Recognizer.load(save(halve(make()), tmp_path / "model.onnx"))
    with pytest.raises(ValueError, match=why):
        recognizer.write(tmp_path / "new.onnx", {name: values})
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
