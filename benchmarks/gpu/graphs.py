"""The two networks as ONNX files with random weights: the shapes cost, the values do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

SIDE = 112  # pixels
EMBEDDING = 512
OPSET = 17
BRANCH = 0.3  # of a residual branch's weights: a hundred layers must not blow the values up


class Graph:
    """Layers one after the other; ``tensor`` is what the last one made."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._nodes: list[NodeProto] = []
        self._weights: list[TensorProto] = []
        self.tensor = "image"

    def add(self, op: str, *weights: NDArray[np.float32], after: str = "", **settings: Any) -> str:
        """A node that reads ``after`` or the last tensor, and its weights."""
        number = len(self._nodes)
        names = [f"{op.lower()}{number}.{index}" for index in range(len(weights))]
        self._weights += map(numpy_helper.from_array, weights, names)
        inputs, output = [after or self.tensor, *names], f"t{number}"
        made = helper.make_node(op, inputs, [output], name=f"{op}_{number}", **settings)
        self._nodes.append(made)
        self.tensor = output
        return output

    def convolve(
        self, inputs: int, outputs: int, size: int, stride: int = 1, *, after: str = "",
        group: int = 1, pad: int | None = None, gain: float = 1.0,
    ) -> str:  # fmt: skip
        """With a bias, as exporters leave it when they fold the batch normalisation behind it."""
        fan = inputs // group * size * size
        weight = self.draw((outputs, inputs // group, size, size), gain * (2 / fan) ** 0.5)
        padding = [size // 2 if pad is None else pad] * 4
        bias, strides = self.draw((outputs,), 0.1 * gain), [stride, stride]
        return self.add(
            "Conv", weight, bias, after=after, kernel_shape=[size, size], group=group,
            strides=strides, pads=padding,
        )  # fmt: skip

    def normalise(self, channels: int) -> str:
        """A batch normalisation that no convolution comes before, so that nothing folds it."""
        ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
        scale = ones + self.draw((channels,), 0.1)
        return self.add("BatchNormalization", scale, zeros, zeros, ones, epsilon=1e-5)

    def prelu(self, channels: int) -> str:
        return self.add("PRelu", np.full((channels, 1, 1), 0.25, np.float32))

    def relu6(self) -> str:
        return self.add("Clip", np.array(0, np.float32), np.array(6, np.float32))

    def join(self, one: str) -> str:
        """The last tensor and ``one``, added."""
        number, other = len(self._nodes), self.tensor
        self.tensor = f"t{number}"
        self._nodes.append(
            helper.make_node("Add", [other, one], [self.tensor], name=f"Add_{number}")
        )
        return self.tensor

    def draw(self, shape: Sequence[int], deviation: float) -> NDArray[np.float32]:
        return self._rng.standard_normal(tuple(shape), np.float32) * np.float32(deviation)

    def write(self, path: Path) -> Path:
        sides = ("N", 3, SIDE, SIDE)
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, sides)
        made = helper.make_tensor_value_info(self.tensor, TensorProto.FLOAT, ("N", EMBEDDING))
        graph = helper.make_graph(self._nodes, path.stem, [image], [made], self._weights)
        opsets = [helper.make_opsetid("", OPSET)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
        return path


def iresnet(path: Path, blocks: Sequence[int] = (3, 13, 30, 3), width: int = 64) -> Path:
    """iResNet-100 as ArcFace has it (Duta et al. 2020, arXiv 2004.04989).

    112×112 → four stages of pre-normalised residual blocks, the first of each halving the side →
    7×7 → one linear layer.
    """
    graph, inputs = Graph(), width
    graph.convolve(3, width, 3)
    graph.prelu(width)
    for stage, count in enumerate(blocks):
        outputs = width << stage
        for number in range(count):
            _residual(graph, inputs, outputs, 2 if number == 0 else 1)
            inputs = outputs
    graph.normalise(inputs)
    graph.add("Flatten")
    _linear(graph, inputs * 7 * 7)
    return graph.write(path)


def _residual(graph: Graph, inputs: int, outputs: int, stride: int) -> None:
    """IBasicBlock: normalised, 3×3, PReLU, 3×3; beside it nothing, or 1×1 where the shape turns."""
    source = graph.tensor
    graph.normalise(inputs)
    graph.convolve(inputs, outputs, 3)
    graph.prelu(outputs)
    branch = graph.convolve(outputs, outputs, 3, stride, gain=BRANCH)
    if stride == 1:
        graph.tensor = source
    else:
        graph.convolve(inputs, outputs, 1, stride, after=source, pad=0, gain=0.5**0.5)
    graph.join(branch)


def _linear(graph: Graph, inputs: int) -> None:
    weight = graph.draw((EMBEDDING, inputs), inputs**-0.5)
    graph.add("Gemm", weight, graph.draw((EMBEDDING,), 0.1), transB=1)
    graph.normalise(EMBEDDING)


# (expansion, channels, how many, stride of the first), Chen et al. 2018, arXiv 1804.07573, table 1
BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))


def mobilefacenet(path: Path, narrower: int = 1) -> Path:
    """MobileFaceNet with ReLU6, as many export it, for embeddings of 512."""
    graph, inputs, wide = Graph(), 64 // narrower, 512 // narrower
    graph.convolve(3, inputs, 3, 2)
    graph.relu6()
    graph.convolve(inputs, inputs, 3, group=inputs)
    graph.relu6()
    for expansion, channels, count, stride in BOTTLENECKS:
        outputs = channels // narrower
        for number in range(count):
            _bottleneck(graph, inputs, outputs, expansion * inputs, stride if number == 0 else 1)
            inputs = outputs
    graph.convolve(inputs, wide, 1)
    graph.relu6()
    graph.convolve(wide, wide, 7, group=wide, pad=0)
    graph.convolve(wide, EMBEDDING, 1)
    graph.add("Flatten")
    return graph.write(path)


def _bottleneck(graph: Graph, inputs: int, outputs: int, hidden: int, stride: int) -> None:
    source = graph.tensor
    graph.convolve(inputs, hidden, 1)
    graph.relu6()
    graph.convolve(hidden, hidden, 3, stride, group=hidden)
    graph.relu6()
    graph.convolve(hidden, outputs, 1, gain=BRANCH)
    if stride == 1 and inputs == outputs:
        graph.join(source)
