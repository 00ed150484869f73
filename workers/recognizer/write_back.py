"""Trained weights back into the file they came from."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import onnx

from workers.recognizer.bad_model import BadModel
from workers.recognizer.container import combined_digest
from workers.recognizer.initializers import FLOATS, Array, little_endian, merge, store
from workers.recognizer.onnx_file import OnnxFile


def write_back(file: OnnxFile, path: Path, tensors: Mapping[str, Array]) -> str:
    """See Recognizer.write."""
    merged = {name: _merged(file, name, array) for name, array in tensors.items()}
    values = {name: array for name, array in merged.items() if array is not None}
    data = {location: _data(file, location, values) for location in _locations(file)}
    for location, content in data.items():
        _refuse_overwriting(path.parent / location, content)
    for location, content in data.items():
        _replace(path.parent / location, content)
    whole = _model(file, values).SerializeToString(deterministic=True)
    _replace(path, whole)
    contents = {**data, path.name: whole}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return combined_digest(digests, path.name)


def _merged(file: OnnxFile, name: str, array: Array) -> Array | None:
    tensor = file.initializers.get(name)
    if tensor is None or tensor.data_type not in FLOATS:
        raise ValueError(f"{file.path} has no float initialiser {name!r}")
    try:
        return merge(file.array(name), array)
    except ValueError as error:
        raise ValueError(f"initialiser {name!r} of {file.path}: {error}") from None


def _model(file: OnnxFile, values: Mapping[str, Array]) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(file.model)
    for tensor in model.graph.initializer:
        if tensor.name in values and tensor.name not in file.external:
            store(tensor, values[tensor.name])
    return model


def _locations(file: OnnxFile) -> list[str]:
    return [name for name in file.digests if name != file.path.name]


def _data(file: OnnxFile, location: str, values: Mapping[str, Array]) -> bytes:
    """A data file with the changed initialisers in their places."""
    source = file.path.parent / location
    try:
        content = bytearray(source.read_bytes())
    except OSError as error:
        raise BadModel(f"{source}: cannot be read any more ({error.strerror})") from None
    if hashlib.sha256(content).hexdigest() != file.digests[location]:
        raise BadModel(f"{source}: changed since {file.path} was loaded; load the model again")
    for name, array in values.items():
        place = file.external.get(name)
        if place is not None and place.location == location:
            content[place.offset : place.offset + place.length] = little_endian(array)
    return bytes(content)


def _refuse_overwriting(target: Path, content: bytes) -> None:
    """Another model's data must survive: the model file names its data file, so it can't move."""
    if target.exists() and target.read_bytes() != content:
        raise BadModel(
            f"{target}: holds another model's external data; write the new model into a folder "
            "of its own"
        )


def _replace(path: Path, content: bytes) -> None:
    """Write all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
