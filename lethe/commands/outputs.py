"""Files that a command writes when it ends: all of them or none, and never over what it read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from storage.errors import BadInput


def check_outputs(outputs: Mapping[str, Path], read: Sequence[Path]) -> None:
    """Before minutes of work, whether ``write_outputs`` can be done.

    Args:
        outputs: by what each is, for messages.
        read: files that must stay as they are.

    Raises:
        BadInput: one cannot be written, is read, or is given twice.
    """
    seen: dict[Path, str] = {}
    for what, path in outputs.items():
        if not path.resolve().parent.is_dir():
            raise BadInput(f"{path}: its folder is not there; make it first")
        if path.is_dir():
            raise BadInput(f"{path}: is a folder; give the name of a file in it")
        if path.exists() and not path.is_file():
            raise BadInput(f"{path}: is no plain file; give another for the {what}")
        if any(path.exists() and other.exists() and path.samefile(other) for other in read):
            raise BadInput(f"{path}: is read, too; give the {what} another name")
        if not os.access(path if path.exists() else path.resolve().parent, os.W_OK):
            raise BadInput(f"{path}: cannot be written; give another file for the {what}")
        if (other := seen.setdefault(path.resolve(), what)) != what:
            raise BadInput(f"{path}: is to be the {other} and the {what}; give them two names")


def write_outputs(files: Mapping[Path, bytes]) -> None:
    """A full disk leaves none of them, and what was there before as it was."""
    parts = {path.resolve(): data for path, data in files.items()}
    written = {_part(path): path for path in parts}
    try:
        for part, path in written.items():
            part.write_bytes(parts[path])
        for part, path in written.items():
            part.replace(path)
    finally:
        for part in written:
            part.unlink(missing_ok=True)


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")
