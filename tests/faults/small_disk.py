"""A disk of a few MiB, to be filled: a tmpfs, where the system lets us mount one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.settings import MIB

_BLOCK = 4096


class SmallDisk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, leave: int = 0) -> None:
        """Takes all room but ``leave`` bytes."""
        with self._filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(16 * _BLOCK))
            except OSError:
                size = file.tell() - leave
        with self._filler.open("r+b") as file:
            file.truncate(max(0, size))

    def free(self) -> None:
        self._filler.unlink()

    def files(self) -> list[str]:
        """Everything that lies on it, but what filled it."""
        found = (path for path in self.folder.rglob("*") if path.is_file() or path.is_symlink())
        return sorted(str(path.relative_to(self.folder)) for path in found if path != self._filler)


@contextmanager
def mounted(folder: Path, size: int = 16 * MIB) -> Iterator[SmallDisk]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"there is no mount command here ({error.strerror})")
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: a process that ends just now may hold a file open.
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607 - as it is found
