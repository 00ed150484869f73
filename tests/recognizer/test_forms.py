"""The ways in which one and the same recogniser is stored, all of them read."""

from __future__ import annotations

from pathlib import Path

import insightface
import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, version_converter

from tests.recognizer.graphs import (
    NODE,
    as_typed,
    floats,
    halve,
    make,
    make_external,
    plain_initializers,
    plain_nodes,
    save,
    widen,
)
from tests.recognizer.networks import build, export
from workers.recognizer import Recognizer

Crops = NDArray[np.uint8]


@pytest.fixture
def plain(tmp_path: Path, crops: Crops) -> NDArray[np.float32]:
    return Recognizer.load(save(make(), tmp_path / "plain.onnx")).embed(crops)


def check(path: Path, crops: Crops, expected: NDArray[np.float32], tolerance: float) -> None:
    recognizer = Recognizer.load(path)
    np.testing.assert_allclose(recognizer.embed(crops), expected, atol=tolerance)
    with torch.no_grad():
        raw = recognizer.module()(torch.from_numpy(recognizer.preprocess(crops)))
    ours = torch.nn.functional.normalize(raw).numpy()
    np.testing.assert_allclose(ours, expected, atol=tolerance)


def test_typed_fields(tmp_path: Path, crops: Crops, plain: NDArray[np.float32]) -> None:
    check(save(as_typed(make()), tmp_path / "m.onnx"), crops, plain, 1e-6)


def test_half_precision_inside(tmp_path: Path, crops: Crops, plain: NDArray[np.float32]) -> None:
    check(save(halve(make()), tmp_path / "m.onnx"), crops, plain, 3e-3)


def test_half_precision_weights(tmp_path: Path, crops: Crops, plain: NDArray[np.float32]) -> None:
    check(save(widen(make()), tmp_path / "m.onnx"), crops, plain, 3e-3)


def test_half_precision_images(tmp_path: Path, crops: Crops, plain: NDArray[np.float32]) -> None:
    model = halve(make())
    cast = model.graph.node[0]
    model.graph.node.remove(cast)
    model.graph.node[0].input[0] = "image"
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    check(save(model, tmp_path / "m.onnx"), crops, plain, 3e-3)


def test_external_data(tmp_path: Path, crops: Crops, plain: NDArray[np.float32]) -> None:
    check(make_external(make(), tmp_path / "m.onnx"), crops, plain, 1e-6)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_batch(
    batch: int, tmp_path: Path, crops: Crops, plain: NDArray[np.float32]
) -> None:
    path = save(make(shape=(batch, 3, 112, 112)), tmp_path / "m.onnx")
    assert Recognizer.load(path).file.batch == batch
    check(path, crops, plain, 1e-6)


def test_a_batch_baked_in_although_the_input_says_any(
    tmp_path: Path, crops: Crops, plain: NDArray[np.float32]
) -> None:
    nodes = plain_nodes()
    nodes[2] = NODE("Reshape", ["pooled", "shape"], ["flat"], name="flatten")
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [1, 8])
    path = save(make(nodes, [*plain_initializers(), shape]), tmp_path / "m.onnx")
    assert Recognizer.load(path).file.batch == 1
    check(path, crops, plain, 1e-6)


def test_initialisers_listed_as_inputs_too(tmp_path: Path, crops: Crops) -> None:
    network = build("iresnet")
    plain = Recognizer.load(export(network, tmp_path / "plain.onnx", opset=9))
    path = export(network, tmp_path / "listed.onnx", opset=9, inputs=True)
    assert len(onnx.load(path).graph.input) > 1
    check(path, crops, plain.embed(crops), 1e-5)
    assert Recognizer.load(path).features(plain.cut_points()[0].tensor, crops).shape[0] == 5


@pytest.mark.parametrize("opset", [9, 10, 12, 14, 16, 18, 19, 21, 22])
def test_every_opset_in_use(opset: int, tmp_path: Path, crops: Crops) -> None:
    network = build("mobilefacenet")
    newest = 18  # the exporter's; newer ones are converted
    expected = Recognizer.load(export(network, tmp_path / "17.onnx")).embed(crops)
    path = export(network, tmp_path / "m.onnx", opset=min(opset, newest))
    if opset > newest:
        save(version_converter.convert_version(onnx.load(path), opset), path)
    assert onnx.load(path).opset_import[0].version == opset
    check(path, crops, expected, 1e-5)


def test_weights_in_constant_nodes_are_read_but_not_trained(
    tmp_path: Path, crops: Crops, plain: NDArray[np.float32]
) -> None:
    weights = plain_initializers()
    constant = NODE("Constant", [], ["fc.w"], name="fc.w", value=weights.pop())
    path = save(make([constant, *plain_nodes()], weights), tmp_path / "m.onnx")
    check(path, crops, plain, 1e-6)
    assert set(Recognizer.load(path).module().weights) == {"conv.w", "conv.b"}


@pytest.mark.parametrize("names", [("Sub_mean", "Mul_scale"), ("_minus0", "_mul0"), ("a", "b")])
def test_images_are_fed_to_the_bit_as_insightface_feeds_them(
    names: tuple[str, str], tmp_path: Path, crops: Crops
) -> None:
    normalise = [
        NODE("Sub", ["image", "mean"], ["centred"], name=names[0]),
        NODE("Mul", ["centred", "scale"], ["scaled"], name=names[1]),
    ]
    nodes = plain_nodes()
    nodes[0].input[0] = "scaled"
    extra = [floats("mean", 1, 3, 1, 1), floats("scale", 1)]
    path = save(make([*normalise, *nodes], [*plain_initializers(), *extra]), tmp_path / "m.onnx")
    recognizer, insight = Recognizer.load(path), insightface.model_zoo.get_model(str(path))
    assert (recognizer.input_mean, recognizer.input_std) == (insight.input_mean, insight.input_std)
    theirs = insight.get_feat([crop[..., ::-1] for crop in crops])
    ours = recognizer.features("embedding", crops)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    assert not {"mean", "scale"} & set(recognizer.module().weights)


def test_results_depend_neither_on_the_batch_nor_on_the_threads(
    tmp_path: Path, crops: Crops
) -> None:
    recognizer = Recognizer.load(export(build("mobilefacenet"), tmp_path / "m.onnx"))
    expected = recognizer.embed(crops)
    assert recognizer.embed(crops[:0]).shape == (0, 32)
    assert recognizer.features(recognizer.cut_points()[0].tensor, crops[:0]).shape[0] == 0
    for size, threads in [(1, 1), (2, 3), (64, 2)]:
        got = recognizer.embed(crops, batch_size=size, threads=threads)
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_a_tensor_that_the_graph_lacks_is_an_error_of_the_caller(
    tmp_path: Path, crops: Crops
) -> None:
    recognizer = Recognizer.load(save(make(), tmp_path / "m.onnx"))
    with pytest.raises(ValueError, match="nowhere"):
        recognizer.features("nowhere", crops)
    with pytest.raises(ValueError, match="cannot be computed from"):
        recognizer.module().run({"flat": torch.zeros(1, 8)}, ["maps"])
    with pytest.raises(ValueError, match="uint8"):
        recognizer.embed(crops[:, :50])
