"""Model lines and settings that tests begin with; none of it needs a worker."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from storage.models.registry import MODEL_FILE, Model, Version
from storage.record import Record
from storage.settings import Settings
from tests.conftest import ACCESS_KEY, SECRET_KEY, Servers


def settings_of(servers: Servers, folder: Path, bucket: str, **more: Any) -> Settings:
    """A worker's, with a bucket of its own on the session's store."""
    given: dict[str, Any] = {
        "redis_url": servers.redis_url,
        "s3_endpoint": servers.s3_endpoint,
        "s3_access_key": ACCESS_KEY,
        "s3_secret_key": SECRET_KEY,
        "s3_bucket": f"{bucket}-{secrets.token_hex(6)}",
        "signing_key_file": folder / "signing.pem",
        "cache_dir": folder / "cache",
        **more,
    }
    return Settings(**given)


def add_line(record: Record, name: str, file: Path) -> Version:
    """A new model, whose first version is ``current``."""
    record.models.create(Model(name, "reference", "benchmark"))
    with record.leases.hold("model", name) as lease:
        assert lease is not None
        version = record.models.publish(name, {MODEL_FILE: file}, {}, parent=None, lease=lease)
        record.models.point(name, "current", version, "ada", lease)
    return version


def weightless(folder: Path) -> Path:
    """A model file for those who never open it."""
    file = folder / "given.onnx"
    file.write_bytes(b"weights")
    return file
