"""Documents as bytes: RFC 8785 canonical JSON, and SHA-256 names for them."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import rfc8785

from storage.errors import LetheError

Document = dict[str, Any]
SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_DEPTH = 64  # objects and lists in one another; a certificate has seven
CHUNK = 1024 * 1024  # bytes read at a time


class Corrupt(LetheError):
    """Something kept does not have the digest or the form that it should have."""


def canonical(document: Mapping[str, Any]) -> bytes:
    """The one byte string that stands for ``document`` (RFC 8785)."""
    return rfc8785.dumps(dict(document))


def parse(data: bytes, name: str) -> Document:
    """The document in ``data``; ``name`` says where it came from.

    I-JSON (RFC 7493): what two readers could read differently is refused, such as a name twice in
    one object, a number that is none, or text that is not UTF-8.

    Raises:
        Corrupt: not I-JSON, not an object, or nested deeper than any document of ours.
    """
    try:
        document = json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_float=_finite,
        )
        _check(document)
    except (ValueError, RecursionError):
        raise Corrupt(f"{name}: not JSON (RFC 7493)") from None
    if not isinstance(document, dict):
        raise Corrupt(f"{name}: not a JSON object")
    return document


def _object(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice in one object")
    return found


def _no_number(text: str) -> None:
    raise ValueError(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _check(document: object) -> None:
    """
    Raises:
        ValueError: nested too deeply for what walks it by recursion, or half a UTF-16 pair in it.
    """
    level = [document]
    for _ in range(MAX_DEPTH):
        for item in level:
            if isinstance(item, str):
                item.encode()
        objects = [item for item in level if isinstance(item, dict)]
        lists = [item for item in level if isinstance(item, list)]
        level = [part for found in objects for pair in found.items() for part in pair]
        level += [part for found in lists for part in found]
        if not level:
            return
    raise ValueError("nested too deeply")


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
