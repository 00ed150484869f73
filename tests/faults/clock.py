"""A clock that steps while a process runs that goes by it: libfaketime. Monotonic time goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

HOUR = 3600


class Clock:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "clock"
        self.step(0)

    def step(self, seconds: int) -> None:
        """The clock is so many seconds ahead of ours from now on; behind, where negative."""
        self.file.write_text(f"{seconds:+d}\n")

    @property
    def environment(self) -> dict[str, str]:
        """What a process is started with that is to go by this clock."""
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    @contextmanager
    def for_children(self) -> Iterator[None]:
        """What this process starts goes by it."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            yield


def _library() -> Path:
    found = find_spec("libfaketime")
    if found is None or found.origin is None:
        pytest.skip("no libfaketime: pip install libfaketime")
    library = Path(found.origin).parent / "vendor/libfaketime/src/libfaketime.so.1"
    if not library.exists():
        pytest.skip("libfaketime has no library for this system: clocks cannot be stepped here")
    return library
