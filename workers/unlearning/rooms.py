"""Rooms: two inverted-residual blocks in a row, whose hidden channels can be put to another use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workers.recognizer import CutPoint, Recognizer
from workers.recognizer.node import Node
from workers.recognizer.shapes import constant_value

BOUNDS = (0.0, 6.0)  # of ReLU6: closed at one end, saturated at the other


@dataclass(frozen=True)
class Conv:
    weight: str
    bias: str


@dataclass(frozen=True)
class Block:
    """x + project(relu6(depthwise(relu6(expand(x))))); MobileNetV2, Sandler et al., CVPR 2018."""

    source: str  # x
    hidden: str  # what the projection reads
    output: str  # y
    expand: Conv
    depthwise: Conv
    project: Conv

    @property
    def initialisers(self) -> tuple[str, ...]:
        layers = (self.expand, self.depthwise, self.project)
        return tuple(name for layer in layers for name in (layer.weight, layer.bias))


@dataclass(frozen=True)
class Rooms:
    first: Block
    second: Block  # reads what the first makes, and nobody else does
    reader: Conv  # the only layer, one by one, that reads what the second makes

    @classmethod
    def find(cls, recognizer: Recognizer, cut: CutPoint) -> Rooms | None:
        """The last two such blocks after the cut; None where the network has none."""
        graph = _Graph(recognizer)
        blocks = {block.source: block for block in graph.blocks()}
        for first in reversed(list(blocks.values())):
            second = blocks.get(first.output)
            reader = graph.only_reader(second.output) if second else None
            if second is None or reader is None or graph.readers(first.output) != 2:
                continue
            used = (*first.initialisers, *second.initialisers, reader.weight, reader.bias)
            if set(used) <= set(cut.parameters):
                return cls(first, second, reader)
        return None


class _Graph:
    """Who makes and who reads each tensor."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._file = recognizer.file
        self._nodes: Sequence[Node] = recognizer.file.nodes
        self._makers: Mapping[str, Node] = {n: node for node in self._nodes for n in node.outputs}

    def readers(self, tensor: str) -> int:
        return sum(node.inputs.count(tensor) for node in self._nodes)

    def only_reader(self, tensor: str) -> Conv | None:
        if self.readers(tensor) != 1:
            return None
        node = next(node for node in self._nodes if tensor in node.inputs)
        return self._pointwise(node)

    def blocks(self) -> list[Block]:
        found = [self._block(node) for node in self._nodes if node.op == "Add"]
        return [block for block in found if block is not None]

    def _block(self, add: Node) -> Block | None:
        for source, residual in (add.inputs, add.inputs[::-1]):
            project = self._makers.get(residual)
            depthwise = self._behind_relu6(project)
            expand = self._behind_relu6(depthwise)
            if project is None or depthwise is None or expand is None:
                continue
            layers = (self._pointwise(expand), self._depthwise(depthwise), self._pointwise(project))
            read, made = (project, depthwise), (expand, depthwise, project)
            inner = [node.inputs[0] for node in read] + [node.outputs[0] for node in made]
            alone = all(self.readers(name) == 1 for name in inner)
            if expand.inputs[0] == source and alone and None not in layers:
                one, two, three = (layer for layer in layers if layer is not None)
                return Block(source, project.inputs[0], add.outputs[0], one, two, three)
        return None

    def _behind_relu6(self, node: Node | None) -> Node | None:
        """The node before the ReLU6 before ``node``."""
        clip = self._makers.get(node.inputs[0]) if node else None
        if clip is None or clip.op != "Clip" or self._bounds(clip) != BOUNDS:
            return None
        return self._makers.get(clip.inputs[0])

    def _bounds(self, clip: Node) -> tuple[float, float]:
        low, high = clip.get("min", -np.inf), clip.get("max", np.inf)
        values = [self._number(name) for name in clip.inputs[1:]]
        if len(values) == 2:
            low, high = values
        return float(low), float(high)

    def _number(self, name: str) -> float:
        if name in self._file.initializers:
            return float(self._file.array(name).reshape(-1)[0])
        node = self._makers.get(name)
        if node is None or node.op != "Constant":
            return float("nan")
        return float(np.asarray(constant_value(node)).reshape(-1)[0])

    def _pointwise(self, node: Node | None) -> Conv | None:
        layer = self._conv(node)
        if layer is None or node is None or node.get("group", 1) != 1:
            return None
        padded = any(node.get("pads", [0]))
        return layer if self._shape(layer)[2:] == (1, 1) and not padded else None

    def _depthwise(self, node: Node | None) -> Conv | None:
        layer = self._conv(node)
        if layer is None or node is None:
            return None
        channels, per_group, height, width = self._shape(layer)
        same = list(node.get("pads", [0] * 4)) == [height // 2, width // 2] * 2
        alone = per_group == 1 and node.get("group", 1) == channels
        return layer if same and alone and height % 2 == width % 2 == 1 else None

    def _conv(self, node: Node | None) -> Conv | None:
        """With both initialisers its own, and a step of one."""
        if node is None or node.op != "Conv" or len(node.inputs) != 3:
            return None
        own = node.inputs[1:]
        plain = all(set(node.get(name, [1])) == {1} for name in ("strides", "dilations"))
        known = all(name in self._file.initializers for name in own)
        if not plain or not known or any(self.readers(name) != 1 for name in own):
            return None
        return Conv(*own) if len(self._shape(Conv(*own))) == 4 else None

    def _shape(self, layer: Conv) -> tuple[int, ...]:
        return tuple(self._file.initializers[layer.weight].dims)
