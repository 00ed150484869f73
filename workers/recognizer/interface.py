"""What makes a graph a face recogniser: one image in, one embedding out, no cycles.

The rule for the input is InsightFace's (ModelRouter), which loads nothing else as a recogniser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import onnx
from onnx import TensorProto

from workers.recognizer.bad_model import BadModel, require_text, shown
from workers.recognizer.node import STANDARD_DOMAINS, Node
from workers.recognizer.wire import NOT_ONNX

OPSETS = range(7, 25)  # the versions whose operators mean what the table says
SMALLEST_IMAGE, LARGEST_IMAGE = 112, 1024  # pixels a side
EMBEDDING = range(32, 4097)  # dimensions


@dataclass(frozen=True, slots=True)
class Image:
    """The graph's input. `batch` is None where the file says that any number of faces may enter."""

    name: str
    elem_type: int
    size: int  # pixels a side
    batch: int | None


def find_opset(model: onnx.ModelProto) -> int:
    """Raises BadModel where there is none, or none that the operator table knows."""
    versions = {o.domain: o.version for o in model.opset_import}
    opset = next((versions[d] for d in STANDARD_DOMAINS if d in versions), None)
    if not model.ir_version or opset is None:
        raise BadModel(NOT_ONNX)
    if opset not in OPSETS:
        raise BadModel(
            f"uses ONNX opset {opset}; export it with one from {OPSETS[0]} to {OPSETS[-1]}"
        )
    if model.functions:
        name = shown(model.functions[0].name)
        raise BadModel(f"defines functions of its own ({name}); inline them with onnx.inliner")
    return int(opset)


def find_image(graph: onnx.GraphProto, initializers: Mapping[str, TensorProto]) -> Image:
    """The one input; old exports list their initialisers among the inputs too.

    Raises:
        BadModel
    """
    inputs = [value for value in graph.input if value.name not in initializers]
    if len(inputs) != 1:
        raise BadModel(
            f"is not a face recogniser: it has {len(inputs)} inputs, and a recogniser has one"
        )
    require_text(inputs[0].name)
    tensor = inputs[0].type.tensor_type
    dims = [dim.dim_value for dim in tensor.shape.dim]
    size = dims[2] if len(dims) == 4 and dims[1] == 3 and dims[2] == dims[3] else 0
    if size % 16 or not SMALLEST_IMAGE <= size <= LARGEST_IMAGE:
        raise BadModel(
            f"is not a face recogniser: its input has shape {tuple(dims[:8])} (0: any), and a "
            "recogniser's is (N, 3, S, S) with S a multiple of 16 from "
            f"{SMALLEST_IMAGE} to {LARGEST_IMAGE}, typically 112"
        )
    if dims[0] > MAX_BATCH:
        raise BadModel(f"takes {dims[0]} faces at a time; export it for any number, or for one")
    if tensor.elem_type not in (TensorProto.FLOAT, TensorProto.FLOAT16):
        raise BadModel("is not a face recogniser: its input is neither float32 nor float16")
    return Image(inputs[0].name, tensor.elem_type, size, dims[0] if dims[0] > 0 else None)


MAX_BATCH = 256  # faces that a graph for a fixed number may want at once


def find_output(graph: onnx.GraphProto) -> str:
    """Raises BadModel where there is more than one, as in detectors."""
    outputs = [value.name for value in graph.output]
    if len(outputs) != 1:
        kind = ", as a face detector has," if len(outputs) >= 5 else ""
        raise BadModel(
            f"is not a face recogniser: it has {len(outputs)} outputs{kind} "
            "and a recogniser has one, the embedding"
        )
    name: str = outputs[0]
    require_text(name)
    return name


def check_order(nodes: Sequence[Node], given: Iterable[str], output: str) -> None:
    """Every tensor is made once, and before it is read.

    Raises:
        BadModel
    """
    made = set(given)
    for node in nodes:
        for name in node.inputs:
            if name and name not in made:
                raise BadModel(
                    f"{node} reads {shown(name)}, which nothing before it makes: the graph has "
                    "a cycle or is out of order; export it again"
                )
        for name in node.outputs:
            if name in made:
                raise BadModel(f"{node} makes {shown(name)}, which something else makes too")
            if name:
                made.add(name)
    if output not in made:
        raise BadModel(f"nothing makes its output {shown(output)}; export it again")


def check_embedding(shape: Sequence[int | None] | None, seen: Sequence[int]) -> int:
    """The embedding's dimensions, from the output's shape; `seen` is what it was at one batch.

    Raises:
        BadModel
    """
    size = shape[1] if shape is not None and len(shape) == 2 else None
    if size is None or size not in EMBEDDING:
        raise BadModel(
            f"is not a face recogniser: its output has shape {tuple(seen[:8])} for its faces, not "
            f"one vector of {EMBEDDING[0]} to {EMBEDDING[-1]} numbers for each"
        )
    return size
