"""A version's model file on its way out: here, whole and checked, before a byte of it is sent."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from flask import request

from storage.audit.entry import Act
from storage.models.registry import MODEL_FILE, NoSuchModel, Version
from web.accounts.signed_in import me
from web.services import record


def opened(version: Version) -> BinaryIO:
    """The file, once its SHA-256 is what the manifest says. It has no name any more, and goes with
    whoever closes it.

    Raises:
        NoSuchModel, VersionDeleted, Corrupt
    """
    if MODEL_FILE not in version.files:
        raise NoSuchModel(f"model {version.model}: version {version.number} holds no {MODEL_FILE}")
    record().models.check_kept(version)
    with tempfile.TemporaryDirectory(prefix="lethe-download-") as folder:
        path = Path(folder) / MODEL_FILE
        record().objects.get_file(version.object(MODEL_FILE), path, version.files[MODEL_FILE])
        return path.open("rb")


def size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def note(version: Version, form: str) -> None:
    """Into the audit log, before the file goes out: older versions recognise the forgotten."""
    if request.method == "HEAD":
        return
    current = record().models.aliases(version.model).get("current")
    facts: dict[str, str | int | bool] = {
        "version": version.number,
        "form": form,
        "sha256": version.files.get(MODEL_FILE, ""),
        "current": version.number == current,
    }
    record().audit.write(me().name, Act.VERSION_DOWNLOADED, version.model, facts)
