"""The smallest recogniser there is, people whom it tells apart, and models made of it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from storage.models.registry import MODEL_FILE, Model
from storage.record import Record
from storage.tickets.photos import Photo

SIZE, PATCH, CHANNELS, EMBEDDING = 112, 16, 8, 32
SPREAD = 25  # grey levels between photos of one person: a cosine of about 0.9
REFERENCE, BENCHMARK, PHOTOS = 12, 12, 10  # people, people, photos of each
THREADS = 4  # that fill the record


def write_recognizer(path: Path) -> Path:
    """A patch embedding and a linear layer over it, with random weights: 13 thousand of them."""
    rng, side = np.random.default_rng(0), SIZE // PATCH
    shapes = {
        "conv.weight": (CHANNELS, 3, PATCH, PATCH),
        "prelu.slope": (CHANNELS, 1, 1),
        "fc.weight": (EMBEDDING, CHANNELS * side * side),
        "fc.bias": (EMBEDDING,),
    }
    weights = [
        numpy_helper.from_array(rng.normal(0, 0.05, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node(
            "Conv",
            ["data", "conv.weight"],
            ["c"],
            "conv",
            kernel_shape=[PATCH] * 2,
            strides=[PATCH] * 2,
        ),
        helper.make_node("PRelu", ["c", "prelu.slope"], ["p"], "prelu"),
        helper.make_node("Flatten", ["p"], ["f"], "flatten"),
        helper.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["out"], "fc", transB=1),
    ]
    data = helper.make_tensor_value_info("data", TensorProto.FLOAT, ["N", 3, SIZE, SIZE])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", EMBEDDING])
    graph = helper.make_graph(nodes, "trivial", [data], [out], weights)
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def photos(person: int, count: int) -> list[bytes]:
    """PNG crops of one person: coloured patches of their own, and something else in each photo."""
    rng = np.random.default_rng(person)
    patches = SIZE // PATCH
    own = rng.uniform(0, 255, (patches, patches, 3))
    made = []
    for _ in range(count):
        shown = own + rng.normal(0, SPREAD, own.shape)
        pixels = shown.repeat(PATCH, 0).repeat(PATCH, 1).clip(0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        made.append(buffer.getvalue())
    return made


def subject(number: int, count: int = 3) -> list[Photo]:
    """Somebody who is in no face set."""
    return [
        Photo(f"{index}.png", data) for index, data in enumerate(photos(10_000 + number, count))
    ]


def add_faces(record: Record) -> None:
    for name, first, count in (("reference", 0, REFERENCE), ("benchmark", 1000, BENCHMARK)):
        people = {f"p{first + n:05d}": photos(first + n, PHOTOS) for n in range(count)}
        record.faces.add(name, people)


def add_models(record: Record, names: Sequence[str], file: Path) -> None:
    """Models with one version each, which is current."""

    def add(name: str) -> None:
        record.models.create(Model(name, "reference", "benchmark"))
        with record.leases.hold("model", name) as lease:
            assert lease is not None
            files = {MODEL_FILE: file}
            version = record.models.publish(name, files, {}, parent=None, lease=lease)
            record.models.point(name, "current", version, "load", lease)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(add, names))


def model_names(count: int) -> list[str]:
    return [f"gate-{number:04d}" for number in range(count)]
