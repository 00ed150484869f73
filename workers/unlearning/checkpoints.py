"""Where a run's last checkpoint lies, and which run it belongs to. Never a face, never a template.

torch stays out of here: the worker's main process imports this.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from workers.recognizer import Recognizer
from workers.unlearning.frozen import choose_cut
from workers.unlearning.plan import Plan

if TYPE_CHECKING:
    from storage.uploads.images import Pixels

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
            import structlog

            structlog.get_logger().warning(
                "checkpoint not written", error=type(error).__name__, code=error.errno
            )

    def remove(self) -> None:
        self._file.unlink(missing_ok=True)


def run_key(
    recognizer: Recognizer,
    subjects: Sequence[Pixels],
    reference: Mapping[str, Pixels],
    plan: Plan,
) -> str:
    """SHA-256 over everything that a run's result depends on."""
    from storage.canonical import canonical, sha256

    weights = {name: _digest(recognizer.file.array(name)) for name in recognizer.file.initializers}
    return sha256(
        canonical(
            {
                "format": FORMAT,
                "plan": {name: of for name, of in asdict(plan).items() if name != "processes"},
                "weights": weights,
                "cut": choose_cut(recognizer.cut_points(), plan).tensor,
                "subjects": [_digest(crops) for crops in subjects],
                "reference": [_digest(crops) for crops in reference.values()],
            }
        )
    )


def _digest(values: NDArray[Any]) -> str:
    from storage.canonical import sha256

    return sha256(np.ascontiguousarray(values).tobytes() + repr(values.shape).encode())
