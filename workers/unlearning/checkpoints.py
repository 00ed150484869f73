"""Where a run's last checkpoint lies, and which run it belongs to. Never a face, never a template.

torch stays out of here: the worker's main process imports this.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from storage import keys
from storage.canonical import canonical, sha256
from storage.leases import Lease
from storage.store.objects import ObjectMissing, ObjectStore, StoreRefused, StoreUnavailable
from storage.uploads.images import Pixels
from workers.kept_run import keep_tickets
from workers.recognizer import Recognizer
from workers.unlearning.frozen import choose_cut
from workers.unlearning.plan import Plan

log = structlog.get_logger()

_STORE_FAILED = (ObjectMissing, StoreUnavailable, StoreRefused)  # missing: the bucket itself
FORMAT = 1  # of the checkpoint's contents; another one belongs to another run


class Checkpoints(Protocol):
    """A place for one checkpoint."""

    def load(self) -> bytes | None: ...

    def save(self, data: bytes) -> None: ...


class FileCheckpoints:
    """A file that is whole or not there."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def load(self) -> bytes | None:
        return self._file.read_bytes() if self._file.exists() else None

    def save(self, data: bytes) -> None:
        """A disk that is full does not stop the run; it only cannot be resumed."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=self._file.parent, suffix=".part", delete=False
            ) as scratch:
                scratch.write(data)
            os.replace(scratch.name, self._file)
        except OSError as error:
            log.warning("checkpoint not written", error=type(error).__name__, code=error.errno)

    def remove(self) -> None:
        self._file.unlink(missing_ok=True)


class StoreCheckpoints:
    """One object of a model, written by whoever holds the model's lease, and whose run it is."""

    def __init__(
        self, objects: ObjectStore, model: str, tickets: Sequence[str], lease: Lease
    ) -> None:
        self._objects, self._model, self._lease = objects, model, lease
        self._tickets, self._named = list(tickets), False

    def load(self) -> bytes | None:
        """
        Raises:
            StoreUnavailable, StoreRefused
        """
        try:
            return self._objects.get(keys.checkpoint(self._model))
        except ObjectMissing:
            return None

    def save(self, data: bytes) -> None:
        """
        Raises:
            LeaseLost
        """
        self._lease.check()
        try:
            if not self._named:  # first: by itself it makes nobody else's checkpoint ours
                keep_tickets(self._objects, self._model, self._tickets)
                self._named = True
            self._objects.put(keys.checkpoint(self._model), data)
        except _STORE_FAILED as error:
            log.warning("checkpoint not written", model=self._model, error=type(error).__name__)


def run_key(
    recognizer: Recognizer,
    subjects: Sequence[Pixels],
    reference: Mapping[str, Pixels],
    plan: Plan,
) -> str:
    """SHA-256 over everything that a run's result depends on."""
    weights = {name: _digest(recognizer.file.array(name)) for name in recognizer.file.initializers}
    return sha256(
        canonical(
            {
                "format": FORMAT,
                "plan": asdict(plan),
                "weights": weights,
                "cut": choose_cut(recognizer.cut_points(), plan).tensor,
                "subjects": [_digest(crops) for crops in subjects],
                "reference": [_digest(crops) for crops in reference.values()],
            }
        )
    )


def _digest(values: NDArray[Any]) -> str:
    return sha256(np.ascontiguousarray(values).tobytes() + repr(values.shape).encode())
