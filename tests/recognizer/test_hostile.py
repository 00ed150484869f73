"""A damaged file is loaded or refused: never another error, never a hang."""

from __future__ import annotations

import os
import pickle
import resource
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tests.recognizer import graphs
from tests.recognizer.networks import build, export
from workers.recognizer import BadModel, Recognizer

MILLION = 10**6
CPU_SECONDS, MEBIBYTES = 10.0, 600  # of one refusal, beyond what Python and its libraries take
SECONDS = 5  # generous for a busy machine: loading takes a twentieth of one
damage = settings(
    max_examples=120,
    deadline=SECONDS * 1000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@cache
def network(family: str) -> bytes:
    with TemporaryDirectory() as folder:
        return export(build(family), Path(folder) / "m.onnx", opset=13).read_bytes()


def load(content: bytes, data: bytes | None = None) -> None:
    """Load it, and if that works train through it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(content)
        if data is not None:
            (path.parent / "model.bin").write_bytes(data)
        try:
            recognizer = Recognizer.load(path)
            recognizer.cut_points()
            recognizer.module()
        except BadModel as error:
            refusal = str(error)
        else:
            return
    assert refusal.startswith(f"{path}: ")
    assert "\n" not in refusal


def flipped(content: bytes, flips: list[tuple[float, int]]) -> bytes:
    damaged = bytearray(content)
    for place, value in flips:
        damaged[int(place * (len(damaged) - 1))] ^= value
    return bytes(damaged)


FLIPS = st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=6)


@damage
@given(st.sampled_from(["mobilefacenet", "ghostfacenet", "vit"]), st.floats(0, 1))
def test_truncated(family: str, share: float) -> None:
    content = network(family)
    load(content[: int(share * len(content))])


@damage
@given(st.sampled_from(["mobilefacenet", "ghostfacenet", "vit"]), FLIPS)
def test_flipped(family: str, flips: list[tuple[float, int]]) -> None:
    load(flipped(network(family), flips))


@damage
@given(FLIPS)
def test_flipped_where_there_is_hardly_a_weight(flips: list[tuple[float, int]]) -> None:
    with TemporaryDirectory() as folder:
        path = graphs.make_external(graphs.make(), Path(folder) / "model.onnx")
        content, data = path.read_bytes(), (path.parent / "model.bin").read_bytes()
    load(flipped(content, flips), data)


@damage
@given(st.binary(max_size=300))
def test_anything_at_all(content: bytes) -> None:
    load(content)
    load(b"\x08\x08\x42\x02\x10\x11" + content)


def varint(number: int) -> bytes:
    groups = [number >> shift & 127 for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])


def field(number: int, body: bytes) -> bytes:
    """A length-delimited field of a protobuf message."""
    return varint(number << 3 | 2) + varint(len(body)) + body


def model_with(*fields: bytes) -> bytes:
    """A sound recogniser, and more fields of its ModelProto behind it."""
    return graphs.make().SerializeToString() + b"".join(fields)


def graph_with(*fields: bytes) -> bytes:
    return model_with(field(7, b"".join(fields)))


def nested(depth: int) -> bytes:
    graph = b""
    for _ in range(depth):
        graph = field(1, field(4, b"If") + field(5, field(1, b"then_branch") + field(6, graph)))
    return graph_with(graph)


def branches(operator: str, attribute: str, count: int) -> bytes:
    """A node whose attributes are graphs with nodes without end."""
    graph = field(1, b"") * count
    node = field(4, operator.encode()) + field(5, field(1, attribute.encode()) + field(6, graph))
    return graph_with(field(1, node))


def chain(length: int) -> bytes:
    nodes = [graphs.NODE("Relu", [f"t{i}"], [f"t{i + 1}"]) for i in range(length)]
    nodes[0].input[0] = "image"
    tail = graphs.plain_nodes()
    tail[0].input[0] = f"t{length}"
    return graphs.make([*nodes, *tail]).SerializeToString()


def sums_of_shapes(length: int) -> bytes:
    """Nodes that only compute how to reshape, which loading evaluates one by one."""
    start = helper.make_tensor("h0", TensorProto.INT64, [4096], [1] * 4096)
    nodes = [graphs.NODE("Add", [f"h{i}", f"h{i}"], [f"h{i + 1}"]) for i in range(length)]
    return graphs.make(
        [*nodes, *graphs.plain_nodes()], [*graphs.plain_initializers(), start]
    ).SerializeToString()


def many_tensors(count: int) -> bytes:
    """Each claims a terabyte, and none of them holds a byte."""
    tensor = field(1, varint(2**38)) + b"\x10\x01" + field(8, b"t")
    return graph_with(field(5, tensor) * count)


# what; the file; what the refusal says
COSTLY = {
    "nodes in a branch of If": (branches("If", "then_branch", 3 * MILLION), "fields"),
    "nodes in the body of a Loop": (branches("Loop", "body", 3 * MILLION), "fields"),
    "branches in branches": (nested(5000), "is not an ONNX file"),
    "nodes in a function": (model_with(field(25, b"\x3a\0" * 3 * MILLION)), "fields"),
    "nodes for training": (model_with(field(20, field(1, b"\x0a\0" * 3 * MILLION))), "fields"),
    "dimensions of a value": (
        graph_with(field(13, field(2, field(1, field(2, b"\x0a\0" * 3 * MILLION))))), "fields"),
    "entries of external data": (graph_with(field(5, b"\x6a\0" * 3 * MILLION)), "fields"),
    "a name of 64 MiB": (graph_with(field(2, b"a" * 2**26)), "MiB that are not weights"),
    "a tensor of strings": (
        graph_with(field(5, b"\x10\x08" + field(6, b"a" * 2**26))), "MiB that are not weights"),
    "terabytes of initialisers": (many_tensors(50_000), "initialiser 't' of shape"),
    "a chain of nodes": (chain(30_000), "numbers for one face"),
    "shapes computed from shapes": (sums_of_shapes(10_001), "nodes that only compute shapes"),
    "a length beyond the file": (b"\x08\x08\x3a" + varint(2**63 - 1), "is not an ONNX file"),
}  # fmt: skip
PROGRAM = """
import resource, sys, time
from pathlib import Path
from workers.recognizer.onnx_file import BadModel, OnnxFile
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + {mebibytes} * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in sys.argv[1:]:
    start = time.process_time()
    try:
        OnnxFile.read(Path(path))
        print("accepted")
    except BadModel as error:
        print(f"{{time.process_time() - start:.3f}} {{error}}")
"""


def test_a_costly_file_is_refused_within_bounds_of_memory_and_time(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.onnx" for number in range(len(COSTLY))]
    for path, (content, _) in zip(paths, COSTLY.values(), strict=True):
        path.write_bytes(content)
    program = PROGRAM.format(mebibytes=MEBIBYTES)
    run = subprocess.run(
        [sys.executable, "-c", program, *map(str, paths)], capture_output=True, text=True
    )
    lines = run.stdout.splitlines()
    assert len(lines) == len(COSTLY), (lines, run.stderr)
    for line, path, (what, (_, reason)) in zip(lines, paths, COSTLY.items(), strict=True):
        seconds, _, refusal = line.partition(" ")
        assert refusal.startswith(f"{path}: "), (what, line)
        assert reason in refusal, (what, line)
        assert float(seconds) < CPU_SECONDS, (what, line)


def without_shape() -> onnx.ModelProto:
    model = graphs.make()
    model.graph.input[0].type.tensor_type.ClearField("shape")
    return model


def without_type() -> onnx.ModelProto:
    model = graphs.make()
    model.graph.input[0].ClearField("type")
    return model


def by_its_values() -> onnx.ModelProto:
    """Reshaped by numbers out of the picture: no one knows to what."""
    nodes = graphs.plain_nodes()
    nodes[2] = graphs.NODE("Reshape", ["pooled", "numbers"], ["flat"], name="odd")
    cast = graphs.NODE("Cast", ["pooled"], ["numbers"], name="cast", to=TensorProto.INT64)
    return graphs.make([*nodes[:2], cast, *nodes[2:]])


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (without_shape, "its input has shape ()"),
        (without_type, "its input has shape ()"),
        (by_its_values, "Reshape node 'odd'"),
    ],
)
def test_shapes_that_are_missing_are_refused(build, reason: str, tmp_path: Path) -> None:
    path = graphs.save(build(), tmp_path / "model.onnx")
    with pytest.raises(BadModel) as caught:
        Recognizer.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)


def test_a_thousand_initialisers_on_the_same_external_bytes_are_refused(tmp_path: Path) -> None:
    """A small data file that would be a thousand times as large in memory."""
    (tmp_path / "data").write_bytes(bytes(4 * 2**20))
    tensors = []
    for number in range(1000):
        tensor = TensorProto(name=f"t{number}", data_type=TensorProto.FLOAT, dims=[2**20])
        graphs.point_outside(tensor, "data", offset=0, length=2**22)
        tensors.append(tensor)
    path = graphs.save(
        graphs.make(initializers=[*graphs.plain_initializers(), *tensors]), tmp_path / "model.onnx"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadModel, match="larger than the limit"):
        Recognizer.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("ending", [".pt", ".pth", ".onnx", ".bin"])
@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_a_pickle_given_as_a_model_is_refused_and_never_runs(
    ending: str, form: str, tmp_path: Path
) -> None:
    path, trace = tmp_path / f"model{ending}", tmp_path / "trace"
    if form == "pickle":
        path.write_bytes(pickle.dumps(Trap(trace)))
    else:
        torch.save(Trap(trace), path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(BadModel) as caught:
        Recognizer.load(path)
    assert str(caught.value).startswith(f"{path}: is a PyTorch file, a pickle")
    assert "export the recogniser to ONNX" in str(caught.value)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Trap(trace)))  # noqa: S301 - shows that the trap is one
    assert trace.exists()
