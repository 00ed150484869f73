"""Where a recogniser's graph can be cut in two, and which of its initialisers are weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from onnx import TensorProto

from workers.recognizer.bad_model import BadModel
from workers.recognizer.initializers import FLOATS
from workers.recognizer.node import Node
from workers.recognizer.shapes import MeasuredGraph

LINEAR = frozenset({"Gemm", "MatMul", "Conv"})
MAX_CUTS = 1000
PASS_ON = frozenset({"Cast", "Identity", "Transpose"})
NORMALISE = frozenset({"Sub", "Mul", "Div", "Add", "Cast", "Identity"})


@dataclass(frozen=True, slots=True)
class CutPoint:
    """A tensor through which everything between image and embedding passes."""

    tensor: str
    shape: tuple[int, ...]  # of one face, without the batch
    parameters: tuple[str, ...]  # trainable initialisers that only what comes after reads
    macs_after: int  # multiply-adds of one face from here to the embedding


@dataclass(frozen=True, slots=True)
class LastLinear:
    """The last linear layer before the embedding: y = W x + b, then at most normalisation."""

    features: str  # the tensor that it reads: the pooled features
    output: str
    weight: str
    bias: str | None
    output_axis: int  # the axis of the weight that counts the embedding's dimensions


@dataclass(frozen=True)
class Topology:
    """The nodes that lie between the image and the embedding, in order."""

    nodes: Sequence[Node]
    initializers: Mapping[str, TensorProto]
    input_name: str
    output_name: str
    measured: MeasuredGraph

    def path(self) -> list[Node]:
        """Nodes that depend on the image and that the embedding depends on.

        Shape nodes are left out where the shape is known beforehand: only the batch size is not.
        """
        from_image = {self.input_name}
        for node in self.nodes:
            if not self.is_known_shape(node) and from_image.intersection(node.inputs):
                from_image.update(node.outputs)
        needed, path = {self.output_name}, []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs) and from_image.intersection(node.outputs):
                needed.update(node.inputs)
                path.append(node)
        return path[::-1]

    def is_known_shape(self, node: Node) -> bool:
        return node.op == "Shape" and node.inputs[0] in self.measured.shapes

    def leads_with_batch(self, tensor: str) -> bool:
        return self.measured.shapes.get(tensor, ())[:1] == (self.measured.batch,)

    def cut_points(self) -> list[CutPoint]:
        """Valid cuts, from the image to the embedding; neither of these two is one.

        Of neighbours with the same parameters after them only the last is listed: least is left
        to compute. At most MAX_CUTS, the last ones.
        """
        path = self.path()
        first_use = {n: i for i in range(len(path) - 1, -1, -1) for n in self._weights(path[i])}
        later: dict[str, None] = {}
        cost = 0
        cuts: list[CutPoint] = []
        single = self._single_tensors(path)
        for index in range(len(path) - 1, 0, -1):
            later.update(dict.fromkeys(self._weights(path[index])))
            cost += self.measured.macs.get(path[index].outputs[0], 0)
            tensor = single.get(index - 1)
            if tensor is None or not self.leads_with_batch(tensor):
                continue
            names = tuple(name for name in later if first_use[name] >= index)
            if names and (not cuts or names != cuts[-1].parameters):
                shape = tuple(dim or 0 for dim in self.measured.shapes[tensor][1:])
                cuts.append(CutPoint(tensor, shape, names, cost))
            if len(cuts) == MAX_CUTS:
                break
        return cuts[::-1]

    def _single_tensors(self, path: Sequence[Node]) -> dict[int, str]:
        """Where, after a node of the path, one tensor alone is still to be read: index → tensor."""
        made = {name for node in path for name in node.outputs} | {self.input_name}
        readers = Counter(n for node in path for n in node.inputs if n in made)
        readers[self.output_name] += 1
        live, single = {self.input_name}, {}
        for index, node in enumerate(path):
            live.update(name for name in node.outputs if name and readers[name])
            for name in node.inputs:
                readers[name] -= 1
                if not readers[name]:
                    live.discard(name)
            if len(live) == 1:
                (single[index],) = live
        return single

    def _weights(self, node: Node) -> Sequence[str]:
        """Trainable initialisers that a node of the path reads, directly or through constants."""
        return self._reads[node.outputs[0]]

    @cached_property
    def _reads(self) -> dict[str, tuple[str, ...]]:
        on_path = {name for node in self.path() for name in node.outputs}
        reads: dict[str, tuple[str, ...]] = {name: (name,) for name in self.trainable}
        found: dict[str, tuple[str, ...]] = {}
        for node in self.nodes:
            names = dict.fromkeys(n for i in node.inputs for n in reads.get(i, ()))
            if not on_path.intersection(node.outputs):
                reads.update(dict.fromkeys(node.outputs, tuple(names)))
            found[node.outputs[0]] = tuple(names)
        return found

    def last_linear(self) -> LastLinear:
        """The linear layer that makes the embedding.

        Raises:
            BadModel: the network ends in something else.
        """
        path = self.path()
        single = self._single_tensors(path)
        for index in range(len(path) - 1, -1, -1):
            node = path[index]
            if node.op in LINEAR and single.get(index) == node.outputs[0]:
                layer = self._as_linear(node)
                if layer is not None:
                    return layer
        raise BadModel(
            "has no linear layer before its embedding, so Lethe cannot find its features"
        )

    def _as_linear(self, node: Node) -> LastLinear | None:
        features = node.inputs[0]
        weight, transposed = self._origin(node.inputs[1])
        if weight is None or not self.leads_with_batch(features) or node.get("transA"):
            return None
        if node.op == "Conv" and any(d != 1 for d in self.measured.shapes[node.outputs[0]][2:]):
            return None
        axis = 0 if node.op == "Conv" or node.get("transB") else 1
        if node.op == "MatMul":
            bias = self._added_to(node.outputs[0])
        else:
            bias, _ = self._origin(node.inputs[2]) if len(node.inputs) > 2 else (None, False)
        return LastLinear(features, node.outputs[0], weight, bias, 1 - axis if transposed else axis)

    def _origin(self, name: str) -> tuple[str | None, bool]:
        """The initialiser behind a tensor, and whether it is transposed on the way."""
        transposed = False
        while name not in self.initializers:
            node = self._makers.get(name)
            if node is None or node.op not in PASS_ON:
                return None, False
            transposed ^= node.op == "Transpose"
            name = node.inputs[0]
        return name, transposed

    @cached_property
    def _makers(self) -> dict[str, Node]:
        return {name: node for node in self.nodes for name in node.outputs}

    def _added_to(self, tensor: str) -> str | None:
        """The bias that a later Add puts on a matrix product, where there is one."""
        for node in self.nodes:
            if node.op == "Add" and tensor in node.inputs:
                other = next((name for name in node.inputs if name != tensor), tensor)
                return self._origin(other)[0]
        return None

    @cached_property
    def trainable(self) -> tuple[str, ...]:
        """Float initialisers that are weights, in the order in which the nodes use them.

        Not the running statistics of batch normalisation, not what normalises the image, and no
        single numbers but those of PRelu: these are settings of the network.
        """
        used: dict[str, None] = {}
        settings: set[str] = set()
        image = {self.input_name}
        for node in self.nodes:
            if node.op in NORMALISE and image.intersection(node.inputs):
                image.update(node.outputs)
                settings.update(node.inputs)
                continue
            used.update(dict.fromkeys(node.inputs))
            if node.op == "BatchNormalization":
                settings.update(self._origin(name)[0] or name for name in node.inputs[3:5])
            elif node.op != "PRelu":
                settings.update(name for name in node.inputs if self._is_single(name))
        return tuple(
            name
            for name in used
            if name in self.initializers
            and name not in settings
            and self.initializers[name].data_type in FLOATS
        )

    def _is_single(self, name: str) -> bool:
        tensor = self.initializers.get(name)
        return tensor is not None and all(dim == 1 for dim in tensor.dims)
