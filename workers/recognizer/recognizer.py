"""A face recogniser as deployed: an ONNX file that embeds faces, is trained and written back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workers.recognizer.bad_model import BadModel
from workers.recognizer.initializers import Array
from workers.recognizer.onnx_file import MAX_BYTES, OnnxFile
from workers.recognizer.topology import CutPoint, LastLinear
from workers.recognizer.write_back import write_back

if TYPE_CHECKING:
    from workers.recognizer.graph import GraphModule
    from workers.recognizer.session import Session


class Recognizer:
    """A checked recogniser. Crops are aligned faces, RGB, S pixels a side.

    ONNX Runtime and OpenCV are loaded when it first embeds: what only trains needs neither.
    """

    def __init__(self, file: OnnxFile):
        self.file = file
        self.path = file.path
        self.sha256 = file.sha256
        self.digests = dict(file.digests)
        self.input_name = file.image.name
        self.output_name = file.output_name
        self.input_size = file.image.size
        self.embedding_size = file.embedding_size
        self.input_mean, self.input_std = _normalisation(file)
        self._sessions: dict[tuple[str, ...], Session] = {}
        # called before each batch of faces; what it raises comes out of the call that embeds them
        self.before_batch: Callable[[], object] = lambda: None

    @classmethod
    def load(cls, path: Path, max_bytes: int = MAX_BYTES) -> Recognizer:
        """Read, check and open a model, and embed one blank image with it.

        Raises:
            BadModel: it is not a face recogniser that Lethe can train; one line says why.
        """
        recognizer = cls(OnnxFile.read(Path(path), max_bytes))
        size = recognizer.input_size
        recognizer.embed(np.full((1, size, size, 3), 127, np.uint8))
        return recognizer

    def preprocess(self, crops: Array) -> Array:
        """(N, S, S, 3) uint8 RGB → (N, 3, S, S) float32, to the bit what InsightFace feeds.

        Raises:
            ValueError: crops of another shape or type.
        """
        import cv2

        size = self.input_size
        if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (size, size, 3):
            raise ValueError(f"crops must be uint8 (N, {size}, {size}, 3), not {crops.shape}")
        if not len(crops):
            return np.zeros((0, 3, size, size), np.float32)
        mean = (self.input_mean,) * 3
        blob: Array = cv2.dnn.blobFromImages(
            list(crops), 1.0 / self.input_std, (size, size), mean, swapRB=False
        )
        return blob

    def embed(
        self, crops: Array, batch_size: int | None = None, threads: int | None = None
    ) -> Array:
        """(N, S, S, 3) uint8 RGB → (N, D) float32 templates of unit length.

        Raises:
            BadModel: an embedding that isn't finite, or has no direction.
        """
        (raw,) = self._run((self.output_name,), crops, batch_size, threads)
        return self._templates(raw)

    def embed_pooled(self, crops: Array) -> tuple[Array, Array | None]:
        """Templates (N, D), and the features before the last linear layer (N, F), in one pass.

        Both float32 rows of unit length; None for the second where the network has no such layer.

        Raises:
            BadModel: an embedding that isn't finite, or has no direction.
        """
        try:
            features = self.last_linear.features
        except BadModel:
            return self.embed(crops), None
        raw, pooled = self._run((self.output_name, features), crops, None, None)
        pooled = pooled.reshape(len(crops), -1)
        lengths = np.linalg.norm(pooled, axis=1, keepdims=True)
        return self._templates(raw), pooled / np.maximum(lengths, np.finfo(np.float32).tiny)

    def _templates(self, raw: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            lengths = np.linalg.norm(raw, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not (lengths > 0).all():
            raise BadModel(
                f"{self.path}: gives embeddings that are not finite or have no length; "
                "its weights are damaged, take another version of it"
            )
        templates: Array = raw / lengths
        return templates

    def features(
        self, tensor: str, crops: Array, batch_size: int | None = None, threads: int | None = None
    ) -> Array:
        """A cut point's activations: (N, S, S, 3) uint8 RGB → (N, *its shape) float32.

        Raises:
            ValueError: a tensor that the graph lacks.
        """
        (found,) = self._run((tensor,), crops, batch_size, threads)
        return found

    def _run(
        self, tensors: tuple[str, ...], crops: Array, batch_size: int | None, threads: int | None
    ) -> list[Array]:
        session = self._session(tensors)
        if not len(crops):
            shapes = [[dim or 0 for dim in self.file.shapes[name][1:]] for name in tensors]
            return [np.zeros((0, *shape), np.float32) for shape in shapes]

        size = batch_size or session.batch_size

        def run(start: int) -> list[Array]:
            self.before_batch()
            return session.run(self.preprocess(crops[start : start + size]))

        starts = range(0, len(crops), size)
        workers = min(threads or session.workers, len(starts))
        if workers == 1:
            parts = [run(start) for start in starts]
        else:
            with ThreadPoolExecutor(workers, "embed") as pool:
                parts = list(pool.map(run, starts))
        return [np.concatenate(output) for output in zip(*parts, strict=True)]

    def _session(self, tensors: tuple[str, ...]) -> Session:
        from workers.recognizer.session import open_session, prefix

        if tensors not in self._sessions:
            whole = (self.output_name,)
            if tensors != whole:  # one prefix at a time: each holds a copy of its weights
                self._sessions = {n: s for n, s in self._sessions.items() if n == whole}
            model = self.file.inlined() if tensors == whole else prefix(self.file, *tensors)
            self._sessions[tensors] = open_session(self.file, model)
        return self._sessions[tensors]

    def cut_points(self) -> list[CutPoint]:
        """Where it can be cut in two, its last linear layer behind it; see Topology.cut_points.

        What comes after that layer cannot scatter anybody.
        """
        layer = self.last_linear.weight
        return [cut for cut in self.file.topology.cut_points() if layer in cut.parameters]

    @property
    def last_linear(self) -> LastLinear:
        """The layer that makes the embedding. Raises BadModel where there is none."""
        return self.file.topology.last_linear()

    def module(self) -> GraphModule:
        """The same network as a torch module, compared with ONNX Runtime on noise.

        Raises:
            BadModel: the two disagree.
        """
        from workers.recognizer.agreement import check_agreement
        from workers.recognizer.graph import GraphModule

        module = GraphModule(self.file)
        check_agreement(self, module)
        return module

    def write(self, path: Path, tensors: Mapping[str, Array]) -> str:
        """Write the model with these initialisers' values changed, and nothing else.

        Returns the new model's sha256, as Recognizer.load will find it.

        Raises:
            ValueError: an unknown initialiser, another shape, or values that it cannot hold.
            BadModel: its external data would overwrite a file that is not the same.
        """
        return write_back(self.file, Path(path), tensors)


def _normalisation(file: OnnxFile) -> tuple[float, float]:
    """InsightFace's rule (ArcFaceONNX): the first eight nodes' names, never their operators."""
    names = [node.name for node in file.model.graph.node[:8]]
    subtracts = any(name.startswith(("Sub", "_minus")) for name in names)
    multiplies = any(name.startswith(("Mul", "_mul")) for name in names)
    return (0.0, 1.0) if subtracts and multiplies else (127.5, 127.5)
