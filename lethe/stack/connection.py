"""Which installation a command talks to: the environment's, or the one that runs beside us."""

from __future__ import annotations

import os
from pathlib import Path

from lethe.stack.installation import DEFAULT_DATA, Installation
from storage.errors import BadInput
from storage.record import Record
from storage.settings import settings


class NoInstallation(BadInput):
    """No running installation was found."""


def connect() -> Record:
    """The record of the installation in the environment, else of the running ``lethe up``.

    Raises:
        NoInstallation, BadSettings, StoreRefused, StoreUnavailable, QueueUnavailable
    """
    if "LETHE_S3_ENDPOINT" not in os.environ:
        folder = Path(os.environ.get("LETHE_DATA", DEFAULT_DATA))
        running = Installation(folder.resolve()).running()
        if running is None:
            raise NoInstallation(
                f"no installation runs from {folder}: start one with `lethe up`, set LETHE_DATA "
                "to its folder, or set LETHE_S3_ENDPOINT and LETHE_REDIS_URL"
            )
        os.environ.update(running)
    return Record.open(settings())
