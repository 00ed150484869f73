"""Arrays on their way between workers: results by name in one file, inputs by their digests."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage import object_names
from storage.canonical import Corrupt, file_sha256
from storage.record import Record

Array = NDArray[Any]
Arrays = Mapping[str, Array]
KEPT = 4  # inputs that a process keeps open: a gallery, its probes, and those of the next search

_open: dict[str, Array] = {}  # by SHA-256; the last used stands last


def packed(arrays: Arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def unpacked(data: bytes, name: str) -> Arrays:
    """
    Raises:
        Corrupt
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            return {key: held[key] for key in held.files}
    except (ValueError, OSError, EOFError):
        raise Corrupt(f"{name}: no result of a shard") from None


def lend(kept: Record, model: str, array: Array) -> str:
    """The array's SHA-256, by which the workers of a run find it."""
    with _scratch(kept) as folder:
        path = Path(folder) / "array.npy"
        np.save(path, array, allow_pickle=False)
        digest = file_sha256(path)
        name = object_names.shard_array(model, digest)
        if not kept.objects.exists(name):
            kept.objects.put_file(name, path, digest)
    _keep(digest, array)
    return digest


def borrowed(kept: Record, model: str, digest: str) -> Array:
    """The same, read from the worker's disk as it is needed; its file has no name any more.

    Raises:
        ObjectMissing, Corrupt, StoreUnavailable
    """
    found = _open.get(digest)
    if found is None:
        with _scratch(kept) as folder:
            path = Path(folder) / "array.npy"
            kept.objects.get_file(object_names.shard_array(model, digest), path, digest)
            found = np.load(path, mmap_mode="r", allow_pickle=False)
    _keep(digest, found)
    return found


def forget_all() -> None:
    _open.clear()


def _keep(digest: str, array: Array) -> None:
    _open.pop(digest, None)
    _open[digest] = array
    for oldest in list(_open)[:-KEPT]:
        _open.pop(oldest, None)


def _scratch(kept: Record) -> tempfile.TemporaryDirectory[str]:
    kept.settings.cache_dir.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=kept.settings.cache_dir, prefix="shard-")
