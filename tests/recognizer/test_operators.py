"""Each operator form that the families don't use, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, numpy_helper

from tests.recognizer.graphs import (
    EMBEDDING,
    NODE,
    floats,
    make,
    plain_initializers,
    plain_nodes,
    save,
)
from workers.recognizer import Recognizer


def ints(name: str, *values: int) -> TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def scalar(name: str, value: float) -> TensorProto:
    return numpy_helper.from_array(np.array(value, np.float32), name)


def one(op: str, *inputs: str, **attributes: object) -> list[NodeProto]:
    return [NODE(op, ["maps", *inputs], ["out"], name=op, **attributes)]


Case = tuple[int, list[NodeProto], list[TensorProto]]

# (B, 8, 28, 28) → (B, C, H, W), any C, H and W, between a convolution and the pooling after it
CASES: dict[str, Case] = {
    "average pool, rounded up": (
        17, one("AveragePool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), []),
    "average pool, uneven padding": (
        17, one("AveragePool", kernel_shape=[3, 3], pads=[0, 1, 2, 1]), []),
    "average pool, padding counted": (
        17, one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), []),
    "average pool, same size": (
        17, one("AveragePool", kernel_shape=[2, 2], auto_pad="SAME_UPPER"), []),
    "average pool, dilated": (
        19, one("AveragePool", kernel_shape=[3, 3], dilations=[2, 2], pads=[1, 1, 1, 1]), []),
    "max pool, uneven padding": (17, one("MaxPool", kernel_shape=[3, 3], pads=[0, 0, 1, 1]), []),
    "max pool, rounded up": (
        17, one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), []),
    "conv, same size, lower": (
        17, one("Conv", "w", auto_pad="SAME_LOWER", strides=[2, 2]), [floats("w", 4, 8, 2, 2)]),
    "conv, uneven padding": (
        17, one("Conv", "w", pads=[0, 1, 2, 0], dilations=[2, 1]), [floats("w", 4, 8, 3, 3)]),
    "conv, valid, grouped": (
        17, one("Conv", "w", auto_pad="VALID", group=4), [floats("w", 8, 2, 3, 3)]),
    "clip, attributes": (9, one("Clip", min=-0.5, max=0.5), []),
    "clip, one bound": (13, one("Clip", "", "high"), [scalar("high", 0.5)]),
    "prelu, one slope": (17, one("PRelu", "slope"), [floats("slope", 1)]),
    "prelu, a slope for each pixel": (17, one("PRelu", "slope"), [floats("slope", 8, 28, 28)]),
    "softmax, flat before opset 13": (11, one("Softmax", axis=1), []),
    "softmax": (13, one("Softmax", axis=1), []),
    "hard sigmoid": (17, one("HardSigmoid", alpha=0.3, beta=0.4), []),
    "elu": (17, one("Elu", alpha=0.7), []),
    "softplus": (17, one("Softplus"), []),
    "gelu, tanh": (20, one("Gelu", approximate="tanh"), []),
    "global max pool": (17, one("GlobalMaxPool"), []),
    "slice, attributes": (9, one("Slice", starts=[1, 0], ends=[7, 2**31 - 1], axes=[1, 2]), []),
    "slice, backwards": (
        17, one("Slice", "s", "e", "a", "t"),
        [ints("s", -1), ints("e", -(2**40)), ints("a", -1), ints("t", -2)]),
    "pad, attributes": (9, one("Pad", pads=[0, 0, 1, 0, 0, 0, 0, 2], value=0.5), []),
    "pad, reflected": (17, one("Pad", "p", mode="reflect"), [ints("p", 0, 0, 1, 2, 0, 0, 3, 0)]),
    "pad, edge, some axes": (
        18, one("Pad", "p", "", "a", mode="edge"), [ints("p", 1, 2), ints("a", 3)]),
    "reduce mean, attributes": (13, one("ReduceMean", axes=[2, 3], keepdims=1), []),
    "reduce mean, input": (18, one("ReduceMean", "a"), [ints("a", 2, -1)]),
    "reduce max": (13, one("ReduceMax", axes=[-1]), []),
    "reduce sum, input": (13, one("ReduceSum", "a"), [ints("a", 3)]),
    "reduce l2": (13, one("ReduceL2", axes=[1]), []),
    "lp normalisation": (17, one("LpNormalization", axis=1, p=2), []),
    "layer normalisation, two axes": (
        17, one("LayerNormalization", "s", "b", axis=2), [floats("s", 28, 28), floats("b", 28, 28)]
    ),
    "gather, several": (17, one("Gather", "i", axis=1), [ints("i", 3, -1, 0)]),
    "minimum and maximum": (
        17,
        [NODE("Min", ["maps", "c"], ["low"]), NODE("Max", ["low", "d", "maps"], ["out"])],
        [floats("c", 8, 1, 1), scalar("d", -0.1)],
    ),
    "arithmetic": (
        17,
        [
            NODE("Abs", ["maps"], ["a"]), NODE("Exp", ["a"], ["b"]), NODE("Log", ["b"], ["c"]),
            NODE("Reciprocal", ["b"], ["d"]), NODE("Sqrt", ["b"], ["e"]), NODE("Neg", ["e"], ["f"]),
            NODE("Pow", ["b", "two"], ["g"]), NODE("Sum", ["c", "d", "f", "g"], ["h"]),
            NODE("Div", ["h", "b"], ["out"]),
        ],
        [scalar("two", 2.0)],
    ),
    "split in unequal parts": (
        13,
        [NODE("Split", ["maps", "s"], ["a", "b"], axis=1), NODE("Concat", ["b", "a"], ["out"],
                                                                 axis=1)],
        [ints("s", 3, 5)],
    ),
    "split by attribute": (
        11,
        [NODE("Split", ["maps"], ["a", "b"], axis=1, split=[2, 6]), NODE("Relu", ["b"], ["out"])],
        [],
    ),
    "split by number": (
        18,
        [NODE("Split", ["maps"], ["a", "b", "c"], axis=1, num_outputs=3),
         NODE("Concat", ["c", "b", "a"], ["out"], axis=1)],
        [],
    ),
    "reshape, transpose, expand": (
        17,
        [
            NODE("Reshape", ["maps", "s"], ["a"]), NODE("Transpose", ["a"], ["b"], perm=[0, 2, 1]),
            NODE("Unsqueeze", ["b", "x"], ["c"]), NODE("Expand", ["c", "e"], ["out"]),
        ],
        [ints("s", 0, 8, -1), ints("x", 1), ints("e", 1, 3, 1, 1)],
    ),
    "where": (
        17,
        [NODE("Equal", ["maps", "maps"], ["same"]), NODE("Where", ["same", "maps", "c"], ["out"])],
        [floats("c", 8, 1, 1)],
    ),
    "constants": (
        13,
        [NODE("Constant", [], ["k"], value_floats=[0.5, 1.5]),
         NODE("Constant", [], ["m"], value_float=0.25),
         NODE("Constant", [], ["o"], value_int=1),
         NODE("Gather", ["k", "o"], ["p"]),
         NODE("Mul", ["maps", "p"], ["q"]), NODE("Add", ["q", "m"], ["out"])],
        [],
    ),
    "dropout": (17, [NODE("Dropout", ["maps"], ["out", "mask"])], []),
}  # fmt: skip


def recognizer_with(case: Case, path: Path) -> Recognizer:
    """Whatever comes out is brought to 32 numbers by a mean, an outer product and a bias."""
    opset, nodes, initializers = case
    tail = [
        NODE("GlobalAveragePool", ["out"], ["pooled"]),
        NODE("Flatten", ["pooled"], ["flat"]),
        NODE("Slice", ["flat"], ["first"], starts=[0], ends=[1], axes=[1])
        if opset < 10
        else NODE("Slice", ["flat", "zero", "first.end", "first.axis"], ["first"]),
        NODE("MatMul", ["first", "fc.w"], ["scaled"]),
        NODE("Add", ["scaled", "fc.b"], ["embedding"]),
    ]
    bounds = [] if opset < 10 else [ints("zero", 0), ints("first.end", 1), ints("first.axis", 1)]
    weights = [*plain_initializers()[:2], floats("fc.w", 1, EMBEDDING), floats("fc.b", EMBEDDING)]
    model = make([plain_nodes()[0], *nodes, *tail], [*weights, *initializers, *bounds], opset=opset)
    return Recognizer.load(save(model, path))


@pytest.mark.parametrize("name", CASES)
def test_an_operator_computes_what_onnx_runtime_computes(
    name: str, tmp_path: Path, crops: NDArray[np.uint8]
) -> None:
    recognizer = recognizer_with(CASES[name], tmp_path / "model.onnx")
    module = recognizer.module()
    images = torch.from_numpy(recognizer.preprocess(crops))
    expected = recognizer.features("out", crops)
    with torch.no_grad():
        got = module.run({recognizer.input_name: images}, ["out"])["out"].numpy()
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
