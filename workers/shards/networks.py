"""Versions that a worker embeds shards with: fetched once, and the last few kept open."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from storage import object_names
from storage.models.registry import MODEL_FILE
from storage.record import Record
from workers.recognizer import Recognizer

KEPT = 2  # an old version and a new one

_open: dict[str, Recognizer] = {}  # by SHA-256; the last used stands last


def lend(kept: Record, model: str, recognizer: Recognizer) -> str:
    """Its SHA-256, by which the workers of a run find it."""
    name = object_names.shard_network(model, recognizer.sha256)
    if not kept.objects.exists(name):
        kept.objects.put_file(name, recognizer.path)
    _keep(recognizer)
    return recognizer.sha256


@contextmanager
def borrowed(
    kept: Record, model: str, sha256: str, go_on: Callable[[], object]
) -> Iterator[Recognizer]:
    """``go_on`` is called before each batch of faces; what it raises comes out of here.

    Raises:
        ObjectMissing, BadModel, Corrupt, StoreUnavailable
    """
    recognizer = _open.get(sha256) or _fetched(kept, model, sha256)
    _keep(recognizer)
    before, recognizer.before_batch = recognizer.before_batch, go_on
    try:
        yield recognizer
    finally:
        recognizer.before_batch = before


def forget_all() -> None:
    _open.clear()


def _fetched(kept: Record, model: str, sha256: str) -> Recognizer:
    with tempfile.TemporaryDirectory(prefix="lethe-") as scratch:
        path = Path(scratch) / MODEL_FILE
        kept.objects.get_file(object_names.shard_network(model, sha256), path)
        return Recognizer.load(path, kept.settings.model_bytes)


def _keep(recognizer: Recognizer) -> None:
    _open.pop(recognizer.sha256, None)
    _open[recognizer.sha256] = recognizer
    for oldest in list(_open)[:-KEPT]:
        _open.pop(oldest, None)
