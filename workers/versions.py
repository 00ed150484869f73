"""Model versions on the worker's own disk, named by their digests and checked when used."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from storage.canonical import file_sha256
from storage.errors import BadInput
from storage.models.registry import MODEL_FILE, Version
from storage.record import Record
from workers.recognizer import Recognizer


def cached(record: Record, version: Version) -> Path:
    """The version's model file; pulled when the disk has no intact copy.

    What was deleted from the record goes from the disk, too.

    Raises:
        VersionDeleted
    """
    folder = record.settings.cache_dir / "versions" / version.digest
    for gone in record.models.deletions(version.model).values():
        shutil.rmtree(folder.with_name(gone.digest), ignore_errors=True)
    record.models.check_kept(version)
    if _intact(folder, version):
        return folder / MODEL_FILE
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Pulled beside and renamed, so that a worker killed in between leaves no half version.
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        record.models.pull(version, Path(scratch) / "pulled")
        (Path(scratch) / "pulled").replace(folder)
    return folder / MODEL_FILE


def recognizer(record: Record, version: Version) -> Recognizer:
    """The version as a network.

    Raises:
        VersionDeleted
        BadInput: its file is no recogniser; names the version, never a path of this worker.
    """
    path = cached(record, version)
    try:
        return Recognizer.load(path)
    except BadInput as error:
        named = f"model {version.model}, version {version.number}"
        raise BadInput(str(error).replace(str(path), named)) from None


def _intact(folder: Path, version: Version) -> bool:
    return all(
        (folder / name).is_file() and file_sha256(folder / name) == digest
        for name, digest in version.files.items()
    )
