"""A face recogniser's ONNX file, read with suspicion."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import onnx
from onnx import TensorProto

from workers.recognizer.bad_model import BadModel
from workers.recognizer.container import (
    MAX_BYTES,
    DataFiles,
    combined_digest,
    read_initializers,
    read_model,
)
from workers.recognizer.initializers import Array, External, inline, read_tensor
from workers.recognizer.interface import (
    Image,
    check_embedding,
    check_order,
    find_image,
    find_opset,
    find_output,
)
from workers.recognizer.node import Node, read_nodes
from workers.recognizer.shapes import Inference, MeasuredGraph
from workers.recognizer.topology import Topology

__all__ = ["MAX_BYTES", "BadModel", "OnnxFile"]


@dataclass(frozen=True)
class OnnxFile:
    """A checked recogniser."""

    path: Path
    model: onnx.ModelProto = field(repr=False)
    digests: Mapping[str, str]  # SHA-256 of the model and of its data files, by name
    external: Mapping[str, External]
    data: Mapping[str, bytes] = field(repr=False)  # external initialisers, as they are stored
    initializers: Mapping[str, TensorProto] = field(repr=False)
    nodes: Sequence[Node] = field(repr=False)
    image: Image
    output_name: str
    embedding_size: int
    measured: MeasuredGraph = field(repr=False)

    @classmethod
    def read(cls, path: Path, max_bytes: int = MAX_BYTES) -> OnnxFile:
        """Read and check `path`.

        Raises:
            BadModel: not a face recogniser that Lethe can train; one line says why.
        """
        try:
            return cls._read(path, max_bytes)
        except BadModel as refusal:
            raise BadModel(f"{path}: {refusal}") from None

    @classmethod
    def _read(cls, path: Path, max_bytes: int) -> OnnxFile:
        model, content = read_model(path, max_bytes)
        opset = find_opset(model)
        output = find_output(model.graph)
        initializers = read_initializers(model.graph)
        image = find_image(model.graph, initializers)
        nodes = read_nodes(model.graph, opset)
        check_order(nodes, {image.name, *initializers}, output)
        files = DataFiles(path.parent, initializers, max_bytes - len(content))
        inference = Inference(nodes, initializers, files.parts, opset, model.ir_version)
        measured = inference.measure(image, output)
        return cls(
            path,
            model,
            {path.name: hashlib.sha256(content).hexdigest(), **files.digests},
            files.places,
            files.parts,
            initializers,
            nodes,
            image,
            output,
            check_embedding(measured.shapes.get(output), measured.seen[output]),
            measured,
        )

    @property
    def sha256(self) -> str:
        """Of the file; of the list of its files' digests, as sha256sum prints it, if several."""
        return combined_digest(self.digests, self.path.name)

    @property
    def batch(self) -> int | None:
        """How many faces the graph takes at once; None: any number."""
        return self.measured.batch

    @property
    def shapes(self) -> Mapping[str, tuple[int | None, ...]]:
        """Of every tensor that has the same one always, but for the batch: None in front."""
        return self.measured.shapes

    @cached_property
    def topology(self) -> Topology:
        return Topology(
            self.nodes, self.initializers, self.image.name, self.output_name, self.measured
        )

    def array(self, name: str) -> Array:
        """An initialiser's values, in its own type."""
        return read_tensor(self.initializers[name], self.data.get(name))

    def inlined(self) -> onnx.ModelProto:
        """The model with its external data inside; not a copy if there is none."""
        return inline(self.model, self.data) if self.data else self.model
