"""A line of versions in a record of any kind."""

from __future__ import annotations

from pathlib import Path

from storage.models.registry import MODEL_FILE, Model, Version
from storage.record import Record
from tests.storage.conftest import MODEL


def published(record: Record, folder: Path, count: int) -> list[Version]:
    """A new model with ``count`` versions; the last is current."""
    record.models.create(Model(MODEL, "reference", "benchmark"))
    (folder / MODEL_FILE).write_bytes(b"weights")
    files, made = {MODEL_FILE: folder / MODEL_FILE}, []
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        for _ in range(count):
            parent = made[-1] if made else None
            made.append(record.models.publish(MODEL, files, {}, parent=parent, lease=lease))
            record.models.release(made[-1], "ada", lease)
    return made
