"""An ONNX file and its data files, read without trusting a byte of them."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto

from workers.recognizer.bad_model import BadModel, require_text, shown
from workers.recognizer.initializers import (
    External,
    check_tensor,
    digest_names,
    is_external,
    locate_external,
)
from workers.recognizer.wire import NOT_ONNX, check_wire

MAX_BYTES = 2**31 - 1  # what one protobuf message can hold; external data counts with it
# torch.save's zip file, and what it wrote before 1.6: a pickle of protocol 2 or later
PYTORCH = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def read_model(path: Path, max_bytes: int = MAX_BYTES) -> tuple[onnx.ModelProto, bytes]:
    """Parse an ONNX file, without its external data, after checking that parsing is safe.

    Raises:
        BadModel: not a file, too large, or not ONNX. The message lacks the file's name.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadModel("is not a file; give the .onnx file itself")
        if status.st_size > max_bytes:
            raise _too_large(max_bytes)
        with path.open("rb") as stream:
            content = stream.read(status.st_size)  # to ask for more would allocate it
    except OSError as error:
        raise BadModel(f"cannot be read ({error.strerror}); check the path") from None
    except ValueError:  # a NUL in the path
        raise BadModel("is not a path; check it") from None
    if content.startswith(PYTORCH):
        raise BadModel(
            "is a PyTorch file, a pickle that may run any program, and is not opened; "
            "export the recogniser to ONNX with torch.onnx.export"
        )
    check_wire(content)
    try:
        return onnx.ModelProto.FromString(content), content
    except DecodeError:
        raise BadModel(NOT_ONNX) from None


def read_initializers(graph: onnx.GraphProto) -> dict[str, TensorProto]:
    """By name, each as large as it says it is, external ones apart.

    Raises:
        BadModel
    """
    if graph.sparse_initializer:
        raise BadModel("has sparse initialisers; export it with dense ones")
    tensors: dict[str, TensorProto] = {}
    for tensor in graph.initializer:
        require_text(tensor.name)
        if not tensor.name or tensor.name in tensors:
            raise BadModel(f"has initialiser {shown(tensor.name)} twice, or without a name")
        if not is_external(tensor):
            check_tensor(tensor)
        tensors[tensor.name] = tensor
    return tensors


class DataFiles:
    """The external data of a model: where each initialiser lies, its bytes, the files' digests.

    Raises:
        BadModel: data outside the model's own folder, missing, too short, or too much of it.
    """

    def __init__(self, folder: Path, initializers: Mapping[str, TensorProto], max_bytes: int):
        self.places: dict[str, External] = {
            name: locate_external(tensor, folder)
            for name, tensor in initializers.items()
            if is_external(tensor)
        }
        self.digests: dict[str, str] = {}
        self.parts: dict[str, bytes] = {}
        if sum(place.length for place in self.places.values()) > max_bytes:
            raise _too_large(max_bytes)
        for location in digest_names(self.places):
            max_bytes -= self._read(location, max_bytes)

    def _read(self, location: str, max_bytes: int) -> int:
        here = {name: p for name, p in self.places.items() if p.location == location}
        path = next(iter(here.values())).path
        size = path.stat().st_size
        if size > max_bytes:
            raise _too_large(max_bytes)
        with path.open("rb") as stream:
            content = stream.read(size)
        self.digests[location] = hashlib.sha256(content).hexdigest()
        for name, place in here.items():
            self.parts[name] = content[place.offset : place.offset + place.length]
            if len(self.parts[name]) != place.length:
                raise BadModel(f"external data {shown(location)} shrank while it was read")
        return len(content)


def combined_digest(digests: Mapping[str, str], model: str) -> str:
    """One SHA-256 for a model and its data files: see OnnxFile.sha256."""
    if len(digests) == 1:
        return digests[model]
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _too_large(max_bytes: int) -> BadModel:
    return BadModel(
        f"is larger than the limit of {max_bytes} bytes, its external data included; "
        "give the recogniser alone, or raise the limit"
    )
