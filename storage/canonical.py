"""Documents as bytes: RFC 8785 canonical JSON, and SHA-256 names for them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import rfc8785

from storage.errors import LetheError

Document = dict[str, Any]
SHA256 = re.compile(r"[0-9a-f]{64}")
CHUNK = 1024 * 1024  # bytes read at a time


class Corrupt(LetheError):
    """Something kept does not have the digest or the form that it should have."""


def canonical(document: Mapping[str, Any]) -> bytes:
    """The one byte string that stands for ``document`` (RFC 8785)."""
    return rfc8785.dumps(dict(document))


def parse(data: bytes, name: str) -> Document:
    """The document in ``data``; ``name`` says where it came from.

    Raises:
        Corrupt: not JSON, or not an object.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise Corrupt(f"{name}: not JSON") from None
    if not isinstance(document, dict):
        raise Corrupt(f"{name}: not a JSON object")
    return document


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
