"""Every file that is not a recogniser is refused in one line that names the file and the reason."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.recognizer.graphs import (
    NODE,
    floats,
    make,
    make_external,
    plain_initializers,
    plain_nodes,
    point_outside,
    save,
)
from workers.recognizer import BadModel, Recognizer


def refusal(path: Path) -> str:
    with pytest.raises(BadModel) as caught:
        Recognizer.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 500
    return message.removeprefix(f"{path}: ")


def with_node(index: int, node: onnx.NodeProto) -> onnx.ModelProto:
    nodes = plain_nodes()
    nodes[index] = node
    return make(nodes)


def with_tensor(change: Callable[[TensorProto], object]) -> onnx.ModelProto:
    model = make()
    change(model.graph.initializer[0])
    return model


def twice() -> onnx.ModelProto:
    return make(initializers=[*plain_initializers(), floats("fc.w", 8, 32)])


def detector() -> onnx.ModelProto:
    nodes = [NODE("Identity", ["embedding"], [f"o{i}"]) for i in range(8)]
    return make([*plain_nodes(), *nodes], outputs=["embedding", *(f"o{i}" for i in range(8))])


def cyclic() -> onnx.ModelProto:
    nodes = plain_nodes()
    nodes[1:1] = [NODE("Add", ["maps", "b"], ["a"], name="ring"), NODE("Relu", ["a"], ["b"])]
    return make(nodes)


def huge() -> onnx.ModelProto:
    big = numpy_helper.from_array(np.array([1, 1, 2**20, 2**20], np.int64), "big")
    expand = NODE("Expand", ["pooled", "big"], ["wide"], name="blow")
    return make([*plain_nodes(), expand], [*plain_initializers(), big])


def doubling() -> onnx.ModelProto:
    """Forty nodes that would fill a terabyte."""
    grow = [
        NODE("Concat", [f"t{i}", f"t{i}"], [f"t{i + 1}"], name=f"twice{i}", axis=0)
        for i in range(40)
    ]
    return make([NODE("Identity", ["fc.w"], ["t0"]), *grow, *plain_nodes()])


def slow() -> onnx.ModelProto:
    """Within memory, but a face would take an hour."""
    pool = {"kernel_shape": [101, 101], "pads": [50, 50, 50, 50]}
    nodes = [
        NODE("AveragePool", [f"p{i}"], [f"p{i + 1}"], name=f"slow{i}", **pool) for i in range(2000)
    ]
    nodes[0].input[0] = "image"
    tail = plain_nodes()
    tail[0].input[0] = "p2000"
    return make([*nodes, *tail])


def function() -> onnx.ModelProto:
    model = make()
    model.functions.append(
        helper.make_function("own", "Trick", ["a"], ["b"], [NODE("Relu", ["a"], ["b"])], [])
    )
    return model


def subgraph() -> onnx.ModelProto:
    graph = make().graph
    return with_node(1, NODE("Relu", ["maps"], ["pooled"], name="r", body=graph))


MODELS: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "detector": (detector, "not a face recogniser: it has 9 outputs, as a face detector has"),
    "two outputs": (lambda: make(outputs=["embedding", "flat"]), "has 2 outputs"),
    "two inputs": (lambda: make(inputs=["image", "mask"]), "has 2 inputs"),
    "no input": (lambda: make(inputs=[]), "has 0 inputs"),
    "grey": (lambda: make(shape=("N", 1, 112, 112)), "its input has shape"),
    "small": (lambda: make(shape=("N", 3, 96, 96)), "its input has shape"),
    "odd": (lambda: make(shape=("N", 3, 120, 120)), "its input has shape"),
    "oblong": (lambda: make(shape=("N", 3, 112, 128)), "its input has shape"),
    "any size": (lambda: make(shape=("N", 3, "H", "W")), "its input has shape"),
    "channels last": (lambda: make(shape=("N", 112, 112, 3)), "its input has shape"),
    "integers": (lambda: make(kind=TensorProto.UINT8), "neither float32 nor float16"),
    "batch of thousands": (lambda: make(shape=(5000, 3, 112, 112)), "takes 5000 faces at a time"),
    "maps": (lambda: make(outputs=["maps"]), "its output has shape"),
    "few numbers": (lambda: make(outputs=["flat"]), "its output has shape"),
    "old opset": (lambda: make(opset=6), "uses ONNX opset 6"),
    "unknown operator": (
        lambda: with_node(1, NODE("TopK", ["maps"], ["pooled"], name="odd/one")),
        "operator 'TopK' at node 'odd/one' is not one that Lethe can train through",
    ),
    "foreign operator": (
        lambda: with_node(1, NODE("Attention", ["maps"], ["pooled"], domain="com.microsoft")),
        "operator 'com.microsoft.Attention' at node '#1'",
    ),
    "operator of a later opset": (
        lambda: with_node(1, NODE("Gelu", ["maps"], ["pooled"], name="g")),
        "Gelu node 'g' does not exist in opset 17",
    ),
    "unknown attribute": (
        lambda: with_node(1, NODE("GlobalAveragePool", ["maps"], ["pooled"], name="g", odd=1)),
        "GlobalAveragePool node 'g' does not fit its inputs",
    ),
    "shapes that contradict": (
        lambda: make(initializers=[*plain_initializers()[:2], floats("fc.w", 7, 32)]),
        "Gemm node 'fc' does not fit its inputs",
    ),
    "training mode": (
        lambda: with_node(1, NODE("Identity", ["maps"], ["pooled"], name="bn", training_mode=1)),
        "Identity node 'bn' is in training mode",
    ),
    "cycle": (cyclic, "Add node 'ring' reads 'b', which nothing before it makes"),
    "made twice": (
        lambda: make([*plain_nodes(), NODE("Relu", ["maps"], ["flat"], name="again")]),
        "Relu node 'again' makes 'flat', which something else makes too",
    ),
    "output from nowhere": (lambda: make(outputs=["nowhere"]), "nothing makes its output"),
    "subgraph": (subgraph, "attribute 'body' of node 'r'"),
    "function": (function, "defines functions of its own ('Trick')"),
    "initialiser twice": (twice, "initialiser 'fc.w' twice"),
    "initialiser too short": (
        lambda: with_tensor(lambda t: setattr(t, "raw_data", t.raw_data[:-4])),
        "initialiser 'conv.w' of shape (8, 3, 4, 4) needs 1536 bytes and the file holds 1532",
    ),
    "initialiser of terabytes": (
        lambda: with_tensor(lambda t: t.dims.extend([2**40])),
        "needs 1688849860263936 bytes",
    ),
    "initialiser of negative size": (
        lambda: with_tensor(lambda t: t.dims.extend([-1])), "has an impossible shape"),
    "initialiser of strings": (
        lambda: with_tensor(lambda t: setattr(t, "data_type", TensorProto.STRING)), "data type 8"),
    "not numbers": (
        lambda: with_tensor(lambda t: setattr(t, "raw_data", b"\xff" * 1536)),
        "gives embeddings that are not finite"),
    "terabyte by expansion": (huge, "Expand node 'blow' makes a tensor of shape"),
    "terabyte by doubling": (doubling, "which is no recogniser's"),
    "hours by pooling": (slow, "multiply-adds for one face"),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_is_no_recogniser_is_refused(name: str, tmp_path: Path) -> None:
    build, reason = MODELS[name]
    assert reason in refusal(save(build(), tmp_path / "model.onnx"))


def test_files_that_are_not_onnx_are_refused(tmp_path: Path) -> None:
    whole = make().SerializeToString()
    for content in (b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(999), whole[:-5], whole[:9]):
        path = tmp_path / "model.onnx"
        path.write_bytes(content)
        assert "is not an ONNX file" in refusal(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    assert "is not a file" in refusal(tmp_path / "pipe.onnx")
    assert "is not a file" in refusal(tmp_path)
    assert "cannot be read (No such file or directory)" in refusal(tmp_path / "absent.onnx")


def test_a_file_above_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse.onnx").open("wb") as stream:
        stream.truncate(2**40)
    assert "larger than the limit of 2147483647 bytes" in refusal(tmp_path / "sparse.onnx")
    path = save(make(), tmp_path / "model.onnx")
    with pytest.raises(BadModel, match="larger than the limit of 1000 bytes"):
        Recognizer.load(path, max_bytes=1000)


def test_external_data_counts_towards_the_limit(tmp_path: Path) -> None:
    path = make_external(make(), tmp_path / "model.onnx")
    both = path.stat().st_size + (tmp_path / "model.bin").stat().st_size
    assert Recognizer.load(path, max_bytes=both)
    with pytest.raises(BadModel, match="larger than the limit"):
        Recognizer.load(path, max_bytes=both - 1)


@pytest.mark.parametrize(
    "location", ["../secret", "/etc/passwd", "a/../../secret", "link", "folder/secret", "", "a\\b"]
)
def test_external_data_outside_the_models_folder_is_refused(location: str, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "model", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    for secret in (tmp_path / "secret", elsewhere / "secret"):
        secret.write_bytes(bytes(1536))
    (folder / "a").mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(elsewhere)
    model = with_tensor(lambda tensor: point_outside(tensor, location))
    message = refusal(save(model, folder / "model.onnx"))
    assert "outside the model's own folder" in message
    assert "'conv.w'" in message


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ({"offset": 1}, "does not hold them"),
        ({"length": 9}, "does not hold them"),
        ({"offset": -4}, "does not hold them"),
        ({"length": 2**62}, "does not hold them"),
    ],
)
def test_external_data_of_another_length_is_refused(
    where: dict[str, int], reason: str, tmp_path: Path
) -> None:
    (tmp_path / "data").write_bytes(bytes(1536))
    model = with_tensor(lambda tensor: point_outside(tensor, "data", **where))
    assert reason in refusal(save(model, tmp_path / "model.onnx"))


def test_external_data_that_is_missing_or_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for location, reason in (
        ("absent", "cannot be opened"),
        ("loop", "cannot be opened"),
        ("pipe", "is not a file"),
    ):
        model = with_tensor(lambda tensor, at=location: point_outside(tensor, at))
        assert reason in refusal(save(model, tmp_path / "model.onnx"))


def test_names_in_a_refusal_stay_on_one_line(tmp_path: Path) -> None:
    name = "first\nsecond\x1b[31m" + "x" * 10_000
    node = NODE("TopK", ["maps"], ["pooled"], name=name)
    message = refusal(save(with_node(1, node), tmp_path / "model.onnx"))
    assert "first\\nsecond\\x1b[31m" in message


def test_a_million_nodes_are_refused_before_they_are_parsed(tmp_path: Path) -> None:
    nodes = b"\x0a\x00" * 1_000_000
    length, size = b"", len(nodes)
    while size:
        length, size = length + bytes([size & 127 | (128 if size > 127 else 0)]), size >> 7
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x08\x3a" + length + nodes)
    assert "more than 100000 nodes" in refusal(path)


def test_a_small_file_that_would_be_large_in_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x72\x00" * 2_500_000)  # empty metadata, two bytes each
    assert "more than 2000000 fields" in refusal(path)
