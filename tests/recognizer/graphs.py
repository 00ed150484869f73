"""Hand-made ONNX files, for what no exporter writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

SIZE, EMBEDDING = 112, 32
NODE = helper.make_node


def floats(name: str, *shape: int) -> TensorProto:
    values = np.random.default_rng(len(name)).normal(0, 0.1, shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def plain_nodes() -> list[NodeProto]:
    """Conv → GlobalAveragePool → Flatten → Gemm."""
    return [
        NODE("Conv", ["image", "conv.w", "conv.b"], ["maps"], name="conv", strides=[4, 4]),
        NODE("GlobalAveragePool", ["maps"], ["pooled"], name="pool"),
        NODE("Flatten", ["pooled"], ["flat"], name="flatten"),
        NODE("Gemm", ["flat", "fc.w"], ["embedding"], name="fc"),
    ]


def plain_initializers() -> list[TensorProto]:
    return [floats("conv.w", 8, 3, 4, 4), floats("conv.b", 8), floats("fc.w", 8, EMBEDDING)]


def make(
    nodes: Sequence[NodeProto] | None = None,
    initializers: Sequence[TensorProto] | None = None,
    shape: Sequence[int | str] = ("N", 3, SIZE, SIZE),
    outputs: Sequence[str] = ("embedding",),
    inputs: Sequence[str] = ("image",),
    opset: int = 17,
    kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A small recogniser, or whatever the arguments make of it."""
    graph = helper.make_graph(
        plain_nodes() if nodes is None else nodes,
        "graph",
        [helper.make_tensor_value_info(name, kind, list(shape)) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        plain_initializers() if initializers is None else initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def save(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def make_external(model: onnx.ModelProto, path: Path, location: str = "model.bin") -> Path:
    """Save with every initialiser's bytes in one data file beside the model."""
    data = b""
    for tensor in model.graph.initializer:
        raw = numpy_helper.to_array(tensor).tobytes()
        point_outside(tensor, location, offset=len(data), length=len(raw))
        data += raw
    (path.parent / location).write_bytes(data)
    return save(model, path)


def point_outside(tensor: TensorProto, location: str, **where: int) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    for key, value in {"location": location, **where}.items():
        tensor.external_data.add(key=key, value=str(value))


def as_typed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Initialisers in their typed fields, as older exporters wrote them."""
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        flat: Any = values.reshape(-1)
        if values.dtype == np.float16:
            flat = flat.view(np.uint16)
        typed = {"float32": "float_data", "float16": "int32_data"}[values.dtype.name]
        tensor.ClearField("raw_data")
        getattr(tensor, typed).extend(flat.tolist())
    return model


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """Half precision inside, float32 at both ends, as onnxconverter's float16 module does it."""
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32:
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), tensor.name))
    nodes = list(model.graph.node)
    image, embedding = model.graph.input[0].name, model.graph.output[0].name
    for node in nodes:
        node.input[:] = [f"{image}.half" if name == image else name for name in node.input]
        node.output[:] = [f"{embedding}.half" if n == embedding else n for n in node.output]
    del model.graph.node[:]
    model.graph.node.append(
        NODE("Cast", [image], [f"{image}.half"], name="in", to=TensorProto.FLOAT16)
    )
    model.graph.node.extend(nodes)
    model.graph.node.append(
        NODE("Cast", [f"{embedding}.half"], [embedding], name="out", to=TensorProto.FLOAT)
    )
    return model


def widen(model: onnx.ModelProto) -> onnx.ModelProto:
    """Half-precision initialisers that Cast nodes widen before use: small files, float32 inside."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor).astype(np.float16)
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values, f"{name}.half"))
        casts.append(NODE("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def contents(model: onnx.ModelProto) -> Mapping[str, bytes]:
    """Initialiser → its bytes."""
    return {t.name: numpy_helper.to_array(t).tobytes() for t in model.graph.initializer}


def without_values(model: onnx.ModelProto) -> bytes:
    """Everything but the initialisers' values: what a write-back must not touch."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:
        for field in ("raw_data", "float_data", "int32_data"):
            tensor.ClearField(field)
    return copy.SerializeToString(deterministic=True)
