"""The shape of every tensor in a graph at one batch size, and what computing it costs.

ONNX's own inference, node by node; integers that only say how to reshape are computed on the way
(batch sizes taken from Shape and put back together with Concat, as exporters write them), so that
all shapes come out. Nothing of the size of an activation is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from workers.recognizer.bad_model import BadModel, shown
from workers.recognizer.initializers import Array, read_tensor
from workers.recognizer.interface import Image
from workers.recognizer.node import Node

Shape = tuple[int, ...]

MAX_ELEMENTS = 2**24  # of one tensor for one face: 64 MiB; iResNet-100 has 0.8 million
MAX_TOTAL = 2**30  # elements of all tensors for one face; iResNet-100 has 0.02e9
MAX_MACS = 2 * 10**11  # multiply-adds of one face; iResNet-100 takes 0.12e11
HOST_ELEMENTS = 4096  # what says how to reshape is smaller
HOST_NODES = 10_000  # how many nodes may compute such things

INFERENCE_ERRORS = (
    onnx.shape_inference.InferenceError,
    onnx.checker.ValidationError,
    RuntimeError,
    ValueError,
    TypeError,
)
# fmt: off
REARRANGE = frozenset([
    "Shape", "Constant", "ConstantOfShape", "Gather", "Concat", "Slice", "Squeeze", "Unsqueeze",
    "Reshape", "Identity", "Cast", "Add", "Sub", "Mul", "Div", "Equal", "Where", "ReduceProd",
    "Min", "Max", "Expand",
    "Transpose", "Flatten", "Neg", "Sqrt", "Pow",
])
# fmt: on


class Shapes:
    """Shapes at one batch size. Iterating over the nodes in order fills it."""

    def __init__(
        self,
        initializers: Mapping[str, TensorProto],
        small: Mapping[str, Array],
        opset: int,
        ir_version: int,
    ):
        self.types: dict[str, onnx.TypeProto] = {}
        self.host: dict[str, Array] = dict(small)
        self.opset, self.ir_version = opset, ir_version
        self.imports = [helper.make_opsetid("", opset)]
        for name, tensor in initializers.items():
            dims = [int(dim) for dim in tensor.dims]
            self.types[name] = helper.make_tensor_type_proto(tensor.data_type, dims)

    def set_input(self, name: str, elem_type: int, shape: Shape) -> None:
        self.types[name] = helper.make_tensor_type_proto(elem_type, shape)

    def __getitem__(self, name: str) -> Shape:
        return tuple(dim.dim_value for dim in self.types[name].tensor_type.shape.dim)

    def infer(self, nodes: Sequence[Node], batch: int) -> None:
        """Work through the graph.

        Raises:
            BadModel: shapes that contradict each other, that cannot be worked out, or that no
                face recogniser has.
        """
        for node in nodes:
            if node.op == "Constant":
                self._constant(node)
            else:
                self._infer(node, batch)
                if self._is_host(node):
                    self._evaluate(node)

    def _constant(self, node: Node) -> None:
        value = constant_value(node)
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        self.types[node.outputs[0]] = helper.make_tensor_type_proto(kind, value.shape)
        if value.size <= HOST_ELEMENTS:
            self.host[node.outputs[0]] = value

    def _infer(self, node: Node, batch: int) -> None:
        known = {name: self.types[name] for name in node.inputs if name}
        data = {
            name: numpy_helper.from_array(self.host[name], name)
            for name in node.inputs
            if name in self.host
        }
        try:
            schema = onnx.defs.get_schema(node.op, self.opset, "")
            found = onnx.shape_inference.infer_node_outputs(
                schema, node.proto, known, data, None, self.imports, self.ir_version
            )
        except onnx.defs.SchemaError:
            raise BadModel(f"{node} does not exist in opset {self.opset}") from None
        except INFERENCE_ERRORS as error:
            raise BadModel(f"{node} does not fit its inputs: {first_line(error)}") from None
        for name in node.outputs:
            if name:
                self.types[name] = self._checked(node, name, found.get(name), batch)

    def _checked(
        self, node: Node, name: str, found: onnx.TypeProto | None, batch: int
    ) -> onnx.TypeProto:
        dims = found.tensor_type.shape.dim if found and found.HasField("tensor_type") else ()
        if found is None or not found.tensor_type.HasField("shape"):
            known = False
        else:
            known = all(dim.HasField("dim_value") for dim in dims)
        if found is None or not known:
            raise BadModel(
                f"the shape of {shown(name)}, which {node} makes, cannot be worked out; "
                "export the model for a fixed image size"
            )
        shape = [dim.dim_value for dim in dims]
        if any(dim < 0 for dim in shape) or math.prod(shape) > MAX_ELEMENTS * batch:
            raise BadModel(f"{node} makes a tensor of shape {shape[:8]}, which is no recogniser's")
        return found

    def _is_host(self, node: Node) -> bool:
        if node.op not in REARRANGE or len(node.outputs) != 1:
            return False
        if math.prod(self[node.outputs[0]]) > HOST_ELEMENTS:
            return False
        return node.op == "Shape" or all(name in self.host for name in node.inputs if name)

    def _evaluate(self, node: Node) -> None:
        if len(self.host) > HOST_NODES:
            raise BadModel(f"has more than {HOST_NODES} nodes that only compute shapes")
        output = node.outputs[0]
        if node.op == "Shape":
            dims = self[node.inputs[0]]
            self.host[output] = np.array(dims[node.get("start", 0) : node.get("end")], np.int64)
            return
        graph = helper.make_graph(
            [node.proto],
            "host",
            [helper.make_value_info(name, self.types[name]) for name in node.inputs if name],
            [helper.make_value_info(output, self.types[output])],
        )
        model = helper.make_model(graph, opset_imports=self.imports, ir_version=self.ir_version)
        feeds = {name: self.host[name] for name in node.inputs if name}
        try:
            (value,) = ReferenceEvaluator(model).run(None, feeds)
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise BadModel(f"{node} does not fit its inputs: {first_line(error)}") from None
        self.host[output] = np.asarray(value)


@dataclass(frozen=True)
class MeasuredGraph:
    """Shapes that hold at every batch size, and what one face costs."""

    batch: int | None  # faces that the graph takes at once; None: any number
    shapes: Mapping[str, tuple[int | None, ...]]  # None in front: the batch
    macs: Mapping[str, int]  # of one face, by a node's first output
    seen: Mapping[str, Shape]  # at some one batch size, also what varies otherwise


@dataclass(frozen=True)
class Inference:
    """Works a graph's shapes out at several batch sizes and compares them."""

    nodes: Sequence[Node]
    initializers: Mapping[str, TensorProto]
    external: Mapping[str, bytes]
    opset: int
    ir_version: int

    def measure(self, image: Image, output: str) -> MeasuredGraph:
        """Raises BadModel for shapes or costs that no face recogniser has."""
        small = self._small()
        if image.batch is None:
            # a batch size baked into a Reshape shows itself here; such a file takes one at a time
            several = self._several(image, small)
            if several and all(shapes[output][:1] == (n,) for n, shapes in several.items()):
                return self._compare(several, None)
        only = image.batch or 1
        return self._compare({only: self._at(only, image, small)}, only)

    def _several(self, image: Image, small: Mapping[str, Array]) -> dict[int, Shapes]:
        try:
            return {faces: self._at(faces, image, small) for faces in (2, 3)}
        except BadModel:
            return {}

    def _at(self, faces: int, image: Image, small: Mapping[str, Array]) -> Shapes:
        shapes = Shapes(self.initializers, small, self.opset, self.ir_version)
        shapes.set_input(image.name, image.elem_type, (faces, 3, image.size, image.size))
        shapes.infer(self.nodes, faces)
        return shapes

    def _small(self) -> dict[str, Array]:
        return {
            name: read_tensor(tensor, self.external.get(name))
            for name, tensor in self.initializers.items()
            if math.prod(tensor.dims) <= HOST_ELEMENTS
        }

    def _compare(self, known: Mapping[int, Shapes], batch: int | None) -> MeasuredGraph:
        faces, first = next(iter(known.items()))
        seen = {name: first[name] for name in first.types}
        common: dict[str, tuple[int | None, ...]] = {}
        for name, shape in seen.items():
            if all(shapes[name] == shape for shapes in known.values()):
                common[name] = shape
            elif all(shapes[name] == (n, *shape[1:]) for n, shapes in known.items()):
                common[name] = (None, *shape[1:])
        costs = {node.outputs[0]: macs(node, first) // faces for node in self.nodes}
        if sum(costs.values()) > MAX_MACS:
            raise BadModel(f"takes more than {MAX_MACS:.0e} multiply-adds for one face")
        made = sum(math.prod(seen[n]) for node in self.nodes for n in node.outputs if n)
        if made > MAX_TOTAL * faces:
            raise BadModel(f"makes more than {MAX_TOTAL:.0e} numbers for one face")
        return MeasuredGraph(batch, common, costs, seen)


def constant_value(node: Node) -> Array:
    """What a Constant node says, in whichever of its spellings."""
    for name, dtype in CONSTANT_SPELLINGS.items():
        if name in node.attributes:
            return np.asarray(node.attributes[name], dtype)
    raise BadModel(f"{node} has no numeric value; export the model again")


CONSTANT_SPELLINGS: dict[str, Any] = {
    "value": None,
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}


def macs(node: Node, shapes: Shapes) -> int:
    """Multiply-adds of one node over the whole batch; 0 for what costs next to nothing."""
    if node.op == "Conv":
        return math.prod(shapes[node.outputs[0]]) * math.prod(shapes[node.inputs[1]][1:])
    if node.op == "Gemm":
        inner = shapes[node.inputs[0]][0 if node.get("transA") else 1]
        return math.prod(shapes[node.outputs[0]]) * inner
    if node.op in ("AveragePool", "MaxPool"):
        kernel: list[int] = node.attributes["kernel_shape"]
        return math.prod(shapes[node.outputs[0]]) * math.prod(kernel)
    if node.op == "MatMul":
        return math.prod(shapes[node.outputs[0]]) * shapes[node.inputs[0]][-1]
    return 0


def first_line(error: Exception) -> str:
    """The first line of somebody else's error, short enough for one of ours."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]
