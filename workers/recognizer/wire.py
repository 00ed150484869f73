"""A bounded walk over an ONNX file's wire format, before any of it is parsed.

The parser makes an object of a hundred bytes and more out of two bytes of an empty message, so a
small file can ask for a lot of memory. Weights don't: their bytes become as many bytes. What is
not weights is therefore measured first, and refused above a limit that no recogniser comes near.
Field numbers: onnx.proto. Wire format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from dataclasses import dataclass

from workers.recognizer.bad_model import BadModel

MAX_NODES = 100_000
MAX_FIELDS = 2_000_000  # a node has ten to twenty
MAX_STRUCTURE = 8 * 2**20  # bytes that are not weights; iResNet-100 has 0.1 MB of them

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT = 10  # bytes

# message → field → message of the fields to walk into
CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph"},
    "graph": {1: "node", 5: "tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor"},
    "tensor": {},
}
# message → fields that are messages, too, and not walked into: each two bytes may be one more
OPAQUE: dict[str, frozenset[int]] = {
    "model": frozenset({8, 14, 20, 25, 26}),  # operator sets, metadata, training, functions, …
    "graph": frozenset({11, 12, 13, 14, 15, 16}),  # inputs, outputs, values, sparse tensors, …
    "node": frozenset({9, 10}),
    "attribute": frozenset({6, 11, 14, 15, 22, 23}),  # graphs, types, sparse tensors
    "tensor": frozenset({3, 13, 16}),  # segments, external data, metadata
}
SMALLEST_MESSAGE = 2  # bytes
WEIGHTS = frozenset({4, 5, 9, 10})  # TensorProto: float_data, int32_data, raw_data, double_data
NOT_ONNX = "is not an ONNX file, or it is truncated or damaged; export or download it again"


@dataclass
class _Count:
    structure: int = 0
    fields: int = 0
    nodes: int = 0
    graphs: int = 0


def check_wire(data: bytes) -> None:
    """Walk once over `data`.

    Raises:
        BadModel: not the wire format, more than MAX_NODES nodes or MAX_FIELDS fields, or more than
            MAX_STRUCTURE bytes that aren't weights.
    """
    count = _Count()
    stack = [("model", 0, len(data))]
    while stack:
        kind, position, end = stack.pop()
        stack.extend(_walk(data, kind, position, end, count))
    if not count.graphs:
        raise BadModel(NOT_ONNX)


def _walk(
    data: bytes, kind: str, position: int, end: int, count: _Count
) -> list[tuple[str, int, int]]:
    """Count one message's own fields; its children come back to be walked next."""
    children: list[tuple[str, int, int]] = []
    while position < end:
        start = position
        key, position = _varint(data, position, end)
        body, position = _skip(data, key & 7, position, end)
        count.fields += 1
        child = CHILDREN[kind].get(key >> 3) if key & 7 == LENGTH_DELIMITED else None
        if child is not None:
            children.append((child, body, position))
            count.structure += body - start
            count.nodes += child == "node"
            count.graphs += child == "graph"
        elif kind == "tensor" and key >> 3 in WEIGHTS and key & 7 == LENGTH_DELIMITED:
            count.structure += body - start
        else:
            count.structure += position - start
            if key >> 3 in OPAQUE[kind]:
                count.fields += (position - body) // SMALLEST_MESSAGE
        _check_limits(count)
    return children


def _check_limits(count: _Count) -> None:
    if count.nodes > MAX_NODES:
        raise BadModel(f"has more than {MAX_NODES} nodes; a face recogniser has a few thousand")
    if count.fields > MAX_FIELDS:
        raise BadModel(f"has more than {MAX_FIELDS} fields; a face recogniser has some thousands")
    if count.structure > MAX_STRUCTURE:
        raise BadModel(
            f"has more than {MAX_STRUCTURE // 2**20} MiB that are not weights; "
            "a face recogniser has less than one"
        )


def _skip(data: bytes, wire_type: int, position: int, end: int) -> tuple[int, int]:
    """Where a field's body starts, and where it ends."""
    if wire_type == LENGTH_DELIMITED:
        length, body = _varint(data, position, end)
        after = body + length
    elif wire_type == VARINT:
        body = position
        _, after = _varint(data, position, end)
    elif wire_type in (FIXED32, FIXED64):
        body = position
        after = position + (4 if wire_type == FIXED32 else 8)
    else:
        raise BadModel(NOT_ONNX)
    if after > end:
        raise BadModel(NOT_ONNX)
    return body, after


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(LONGEST_VARINT):
        if position >= end:
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, position
    raise BadModel(NOT_ONNX)
