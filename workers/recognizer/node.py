"""One node of a graph, with its attributes as plain Python values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import onnx
from onnx import AttributeProto, NodeProto

from workers.recognizer.bad_model import BadModel, require_text, shown
from workers.recognizer.initializers import check_tensor, is_external, read_tensor
from workers.recognizer.operators import NAMES

STANDARD_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True, slots=True)
class Node:
    """An operator's use. An empty input name stands for an input left out."""

    op: str
    label: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    opset: int
    proto: NodeProto = field(repr=False)

    def __str__(self) -> str:
        return f"{self.op} node {self.label}"

    def get(self, attribute: str, default: Any = None) -> Any:
        return self.attributes.get(attribute, default)


def read_nodes(graph: onnx.GraphProto, opset: int) -> tuple[Node, ...]:
    """All nodes, each checked against the operator table.

    Raises:
        BadModel: an operator outside the table, or a malformed node.
    """
    return tuple(_read_node(proto, index, opset) for index, proto in enumerate(graph.node))


def _read_node(proto: NodeProto, index: int, opset: int) -> Node:
    names = (proto.name, proto.domain, *proto.input, *proto.output)
    require_text(proto.op_type, *names, *(a.name for a in proto.attribute))
    label = shown(proto.name or f"#{index}")
    if proto.domain not in STANDARD_DOMAINS or proto.op_type not in NAMES:
        operator = f"{proto.domain}.{proto.op_type}" if proto.domain else proto.op_type
        raise BadModel(
            f"operator {shown(operator)} at node {label} is not one that Lethe can train through; "
            "export the model with standard operators, or ask for this one to be added"
        )
    attributes = {a.name: _attribute(a, label) for a in proto.attribute}
    node = Node(
        proto.op_type, label, tuple(proto.input), tuple(proto.output), attributes, opset, proto
    )
    if len(attributes) != len(proto.attribute):
        raise BadModel(f"{node} has one attribute twice; export the model again")
    if not any(node.outputs):
        raise BadModel(f"{node} has no output; export the model again")
    if node.get("training_mode"):
        raise BadModel(f"{node} is in training mode; export the model after model.eval()")
    return node


def _attribute(attribute: AttributeProto, label: str) -> Any:
    kind = attribute.type
    if attribute.ref_attr_name or kind not in PLAIN:
        raise BadModel(
            f"attribute {shown(attribute.name)} of node {label} is of a kind that no face "
            "recogniser uses; export the model with standard operators"
        )
    if kind == AttributeProto.TENSOR:
        if is_external(attribute.t):
            raise BadModel(f"node {label} keeps its value in external data; make it an initialiser")
        check_tensor(attribute.t)
        return read_tensor(attribute.t)
    value = onnx.helper.get_attribute_value(attribute)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


PLAIN = frozenset(
    {
        AttributeProto.INT,
        AttributeProto.INTS,
        AttributeProto.FLOAT,
        AttributeProto.FLOATS,
        AttributeProto.STRING,
        AttributeProto.TENSOR,
    }
)
