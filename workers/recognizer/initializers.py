"""A graph's initialisers: checked against the bytes that are there, read, and written back."""

from __future__ import annotations

import math
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from workers.recognizer.bad_model import BadModel, require_text, shown

Array = np.ndarray[Any, np.dtype[Any]]

FLOATS = frozenset(
    {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}
)
# data type → the field that holds it when it is not in raw_data, bytes of one element in raw_data
STORED: dict[int, tuple[str, int]] = {
    TensorProto.FLOAT: ("float_data", 4),
    TensorProto.DOUBLE: ("double_data", 8),
    TensorProto.FLOAT16: ("int32_data", 2),
    TensorProto.BFLOAT16: ("int32_data", 2),
    TensorProto.INT64: ("int64_data", 8),
    TensorProto.INT32: ("int32_data", 4),
    TensorProto.UINT8: ("int32_data", 1),
    TensorProto.INT8: ("int32_data", 1),
    TensorProto.BOOL: ("int32_data", 1),
}
# what onnx's external_data entries may say; anything else is ignored by every reader
LOCATION, OFFSET, LENGTH = "location", "offset", "length"


@dataclass(frozen=True)
class External:
    """Where an initialiser's bytes lie beside the model."""

    location: str  # as the model spells it
    path: Path
    offset: int
    length: int


def is_external(tensor: TensorProto) -> bool:
    return tensor.data_location == TensorProto.EXTERNAL


def check_tensor(tensor: TensorProto) -> None:
    """Refuse a tensor that says it holds more, or less, than it does. Allocates nothing.

    Raises:
        BadModel: unknown type, negative dimension, or sizes that don't agree.
    """
    count = _elements(tensor)
    field, width = STORED[tensor.data_type]
    if tensor.HasField("raw_data"):
        present = len(tensor.raw_data)
        needed, unit = count * width, "bytes"
    else:
        present = len(getattr(tensor, field))
        needed, unit = count, "values"
    if present != needed:
        raise BadModel(
            f"initialiser {shown(tensor.name)} of shape {tuple(tensor.dims)[:8]} needs {needed} "
            f"{unit} and the file holds {present}; export or download it again"
        )


def locate_external(tensor: TensorProto, folder: Path) -> External:
    """Where an external initialiser lies, which must be inside the model's own folder.

    Raises:
        BadModel: it lies outside, by whatever trick, is missing, or is shorter than it should be.
    """
    name = shown(tensor.name)
    require_text(*(text for entry in tensor.external_data for text in (entry.key, entry.value)))
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get(LOCATION, "")
    path = _inside(folder, location, name)
    try:
        offset = int(entries.get(OFFSET, "0"))
        needed = _elements(tensor) * STORED[tensor.data_type][1]
        length = int(entries.get(LENGTH, str(needed)))
    except ValueError:
        raise BadModel(f"initialiser {name}: the offset or length is not a number") from None
    if length != needed or offset < 0 or offset + length > path.stat().st_size:
        raise BadModel(
            f"initialiser {name} needs {needed} bytes and its external data {shown(location)} "
            "does not hold them; copy the data file again"
        )
    return External(location, path, offset, length)


def _inside(folder: Path, location: str, name: str) -> Path:
    outside = BadModel(
        f"external data {shown(location)} of initialiser {name} is outside the model's own folder; "
        "put the data file, not a link to it, beside the model"
    )
    if not location or "\0" in location or "\\" in location or Path(location).is_absolute():
        raise outside
    if ".." in Path(location).parts:
        raise outside
    try:
        path = (folder / location).resolve(strict=True)
        if not path.is_relative_to(folder.resolve(strict=True)):
            raise outside
        regular = stat.S_ISREG(path.stat().st_mode)
    except (OSError, RuntimeError):  # RuntimeError: a loop of links, before Python 3.13
        raise BadModel(
            f"external data {shown(location)} of initialiser {name} cannot be opened; "
            "put the data file beside the model"
        ) from None
    if not regular:
        raise BadModel(f"external data {shown(location)} of initialiser {name} is not a file")
    return path


def _elements(tensor: TensorProto) -> int:
    name = shown(tensor.name)
    if tensor.data_type not in STORED:
        raise BadModel(
            f"initialiser {name} has data type {tensor.data_type}, which no face recogniser uses; "
            "export the model in float32 or float16"
        )
    if len(tensor.dims) > 8 or any(dim < 0 for dim in tensor.dims):
        raise BadModel(f"initialiser {name} has an impossible shape; export the model again")
    return math.prod(tensor.dims)


def read_tensor(tensor: TensorProto, data: bytes | None = None) -> Array:
    """The values of a checked tensor; `data` holds them if they are external."""
    if data is not None:
        plain = TensorProto(data_type=tensor.data_type, dims=tensor.dims, raw_data=data)
        return numpy_helper.to_array(plain)
    return numpy_helper.to_array(tensor)


def merge(old: Array, new: Array) -> Array | None:
    """`new` (float32) in `old`'s own type, with every element that did not change left as it was.

    None if none did.

    Raises:
        ValueError: another shape, or a value that is not finite in the old type.
    """
    if new.shape != old.shape:
        raise ValueError(f"shape {new.shape} where the model has {old.shape}")
    with np.errstate(over="ignore"):
        changed = new.astype(np.float32, copy=False) != old.astype(np.float32, copy=False)
        if not changed.any():
            return None
        merged: Array = np.where(changed, new.astype(old.dtype), old)
    if not np.isfinite(merged[changed].astype(np.float32)).all():
        raise ValueError(f"values that {old.dtype} cannot hold")
    return merged


def store(tensor: TensorProto, values: Array) -> None:
    """Put `values`, already of the tensor's own type, where its old values are."""
    if tensor.HasField("raw_data"):
        tensor.raw_data = little_endian(values)
        return
    field, _ = STORED[tensor.data_type]
    flat = values.reshape(-1)
    held = getattr(tensor, field)
    # half floats are typed as their bits in int32_data
    held[:] = flat.view(np.uint16).tolist() if field == "int32_data" else flat.tolist()


def little_endian(values: Array) -> bytes:
    """Bytes as raw_data and external data want them."""
    return values.astype(values.dtype.newbyteorder("<")).tobytes()


def digest_names(external: Mapping[str, External]) -> list[str]:
    """The data files that initialisers lie in, each once, in order."""
    return sorted({place.location for place in external.values()})


def inline(model: onnx.ModelProto, data: Mapping[str, bytes]) -> onnx.ModelProto:
    """A copy of `model` that holds its external data itself."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    for tensor in whole.graph.initializer:
        if tensor.name in data:
            tensor.raw_data = data[tensor.name]
            tensor.ClearField("external_data")
            tensor.data_location = TensorProto.DEFAULT
    return whole
