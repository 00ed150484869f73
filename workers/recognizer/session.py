"""ONNX Runtime sessions for a checked model."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import numpy as np
import onnx
import onnxruntime
from onnx import helper
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from workers.recognizer.bad_model import BadModel
from workers.recognizer.initializers import Array
from workers.recognizer.onnx_file import OnnxFile
from workers.recognizer.shapes import first_line

# ONNX Runtime's errors have no base of their own
ORT_ERRORS = (
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    RuntimeError,
    ValueError,
)
FREE_INITIALIZERS = 4  # the IR version from which initialisers need not be inputs too
CPU_BATCH, GPU_BATCH = 8, 64  # faces: enough to keep a core, or a GPU, busy
QUIET = 4  # log nothing: what is wrong comes back as an exception


def providers() -> list[tuple[str, dict[str, str]]]:
    """CUDA where this ONNX Runtime has it. Not TF32: templates must not depend on the device."""
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        onnxruntime.preload_dlls()
        return [("CUDAExecutionProvider", {"use_tf32": "0"}), ("CPUExecutionProvider", {})]
    return [("CPUExecutionProvider", {})]


def open_session(file: OnnxFile, model: onnx.ModelProto) -> Session:
    """A session that computes on the thread that calls it, and may be called from several.

    Faces don't depend on each other: threads that share each operator's work, as they do by
    default, wait for the slowest a hundred times a face, and on busy cores for long.

    Raises:
        BadModel: ONNX Runtime cannot open what we could read.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = 1
    try:
        inner = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=providers()
        )
    except ORT_ERRORS as error:
        raise BadModel(
            f"{file.path}: ONNX Runtime cannot open it: {first_line(error)}; export it again"
        ) from None
    return Session(file, inner)


class Session:
    """A session with one input, the images, and the outputs that were asked for."""

    def __init__(self, file: OnnxFile, inner: onnxruntime.InferenceSession):
        self.file, self.inner = file, inner
        self.input = inner.get_inputs()[0]
        self.dtype = np.float16 if self.input.type == "tensor(float16)" else np.float32

        on_cpu = inner.get_providers() == ["CPUExecutionProvider"]
        # how many threads should call it, and with how many faces
        self.workers = _cores() if on_cpu else 1
        self.batch_size = CPU_BATCH if on_cpu else GPU_BATCH

    def run(self, images: Array) -> list[Array]:
        """(N, 3, S, S) float32 → each output, (N, …) float32, whatever batch the graph is for.

        Raises:
            BadModel: ONNX Runtime fails on them.
        """
        faces = len(images)
        size = self.file.batch or faces
        parts = [self._run(part) for part in _groups(images.astype(self.dtype, copy=False), size)]
        return [
            np.concatenate(output)[:faces].astype(np.float32, copy=False)
            for output in zip(*parts, strict=True)
        ]

    def _run(self, images: Array) -> list[Array]:
        try:
            return [np.asarray(made) for made in self.inner.run(None, {self.input.name: images})]
        except ORT_ERRORS as error:
            raise BadModel(
                f"{self.file.path}: ONNX Runtime cannot run it: {first_line(error)}; export again"
            ) from None


def _cores() -> int:
    """Cores that this process may use; outside Linux, all there are."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _groups(images: Array, size: int) -> Iterator[Array]:
    """Groups of exactly `size`, the last filled up with its last image."""
    for start in range(0, len(images), size):
        part = images[start : start + size]
        yield np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])


def prefix(file: OnnxFile, *tensors: str) -> onnx.ModelProto:
    """The model from the image to `tensors` and nothing else; they are its outputs, in order.

    Raises:
        ValueError: the graph has no such tensor, or it does not begin with the batch.
    """
    for tensor in tensors:
        if not file.topology.leads_with_batch(tensor):
            raise ValueError(f"{tensor!r} is no tensor of {file.path} that begins with the batch")
    whole = file.inlined()
    wanted, nodes = set(tensors), []
    for node in reversed(whole.graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            nodes.append(node)
    initializers = [i for i in whole.graph.initializer if i.name in wanted]
    images = next(v for v in whole.graph.input if v.name == file.image.name)
    # the type is ONNX Runtime's to infer: some graphs compute in half precision inside
    outputs = [onnx.ValueInfoProto(name=tensor) for tensor in tensors]
    graph = helper.make_graph(nodes[::-1], "prefix", [images], outputs, initializers)
    return helper.make_model(
        graph, opset_imports=whole.opset_import, ir_version=max(whole.ir_version, FREE_INITIALIZERS)
    )
