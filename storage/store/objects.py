"""The object store: objects by name, each with its digest, and those that are written once."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import urllib3
from minio.error import MinioException

from storage import object_names
from storage.canonical import CHUNK, Document, canonical, file_sha256, parse, sha256
from storage.store.connections import only_new
from storage.store.digest import DIGEST, check
from storage.store.errors import (
    ObjectExists,
    ObjectMissing,
    StoreRefused,
    StoreUnavailable,
    says_taken,
    says_unknown,
)
from storage.store.listing import Listing
from storage.store.streams import Streams

__all__ = ["ObjectExists", "ObjectMissing", "ObjectStore", "StoreRefused", "StoreUnavailable"]

_WRITER = "x-amz-meta-writer"  # whose write it was; kept with what is written only once
_ONE_PART = 5 * 1024 * 1024  # bytes; S3 takes no smaller parts
_CONFLICTS = 3  # so often a write is sent that conflicts with one under way


class ObjectStore(Listing, Streams):
    """Objects by name. Each carries its SHA-256 and is checked when read; a wrong one is
    ``Corrupt``."""

    _conditional: bool | None = None

    def put(self, name: str, data: bytes, content_type: str = "application/octet-stream") -> str:
        """Writes ``data`` and returns its SHA-256."""
        digest = sha256(data)
        with self._errors(name):
            self._send(name, data, content_type, {DIGEST: digest})
        return digest

    def put_document(self, name: str, document: Document) -> str:
        return self.put(name, canonical(document), "application/json")

    def put_new(self, name: str, document: Document) -> str:
        """Writes ``document`` where nothing is there yet, and returns its SHA-256.

        Where the store is ``conditional`` no object is ever replaced. Elsewhere it is looked
        before and after: whoever comes later, or is overtaken, hears of it; of two that write at
        the same moment the one that looked last replaces the other.

        Raises:
            ObjectExists: somebody else's is there. One's own, whose answer was lost, is not.
        """
        data, writer = canonical(document), secrets.token_hex(16)
        metadata = {DIGEST: sha256(data), _WRITER: writer}
        if not self.conditional and self.exists(name):
            raise _taken(name)
        for _ in range(_CONFLICTS):
            if self._was_sent(name, data, metadata) and self.conditional:
                return metadata[DIGEST]
            found = self._writer(name)
            if found == writer or (found == "" and self.get(name) == data):
                return metadata[DIGEST]
            if found is not None:
                raise _taken(name)
        raise StoreUnavailable(f"{name}: another write of it is under way; try again")

    def _was_sent(self, name: str, data: bytes, metadata: dict[str, str]) -> bool:
        """Whether the store took it; not, where something is there or comes there just now."""
        condition = only_new() if self.conditional else nullcontext()
        with self._errors(name):
            try:
                with condition:
                    self._send(name, data, "application/json", metadata)
            except MinioException as error:
                if says_taken(error):
                    return False
                raise
        return True

    def _writer(self, name: str) -> str | None:
        """Who wrote the object: "" where the store does not know, None where there is none."""
        try:
            with self._errors(name):
                found = self._client.stat_object(self._bucket, name)
        except ObjectMissing:
            return None
        return str((found.metadata or {}).get(_WRITER, ""))

    def _send(self, name: str, data: bytes, content_type: str, metadata: dict[str, str]) -> None:
        self._client.put_object(
            self._bucket,
            name,
            io.BytesIO(data),
            len(data),
            content_type=content_type,
            metadata=dict(metadata),
            # What is sent in parts would be whole only after the last of them.
            part_size=max(len(data), _ONE_PART),
        )

    @property
    def conditional(self) -> bool:
        """Whether the store writes only where nothing is there when it is asked to. Tried once.

        By an object that stays: the second of two writes of it is refused, or the store took no
        notice of the condition.
        """
        if self._conditional is None:
            self._conditional = any(self._refuses_to_replace() for _ in range(2))
        return self._conditional

    def _refuses_to_replace(self) -> bool:
        data = canonical({"about": "whether this store knows If-None-Match"})
        with self._errors(object_names.PROBE):
            try:
                with only_new():
                    self._send(object_names.PROBE, data, "application/json", {DIGEST: sha256(data)})
            except MinioException as error:
                if says_unknown(error) or says_taken(error):
                    return says_taken(error)
                raise
        return False

    def put_file(self, name: str, path: Path, digest: str | None = None) -> str:
        """Writes the file; ``digest`` is its SHA-256 where the caller knows it."""
        digest = digest or file_sha256(path)
        with self._errors(name):
            self._client.fput_object(self._bucket, name, str(path), metadata={DIGEST: digest})
        return digest

    def get(self, name: str, digest: str | None = None) -> bytes:
        """The object's bytes.

        Raises:
            ObjectMissing, StoreUnavailable
            Corrupt: its SHA-256 is not ``digest``, or not the one that was written.
        """
        data = io.BytesIO()
        self._read(name, data, digest)
        return data.getvalue()

    def get_document(self, name: str, digest: str | None = None) -> Document:
        return parse(self.get(name, digest), name)

    def get_file(self, name: str, path: Path, digest: str | None = None) -> None:
        """Writes the object to ``path``, whole and checked, or leaves what was there."""
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("wb") as file:
                self._read(name, file, digest)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def _read(self, name: str, file: BinaryIO, digest: str | None) -> None:
        found, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        with self._errors(name):
            response = self._client.get_object(self._bucket, name)
        try:
            for chunk in self._chunks(name, response):
                found.update(chunk)
                md5.update(chunk)
                file.write(chunk)  # where our own disk is full, the store is not to blame
        finally:
            response.close()
            response.release_conn()
        check(name, found.hexdigest(), md5.hexdigest(), digest, response.headers)

    def _chunks(self, name: str, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        with self._errors(name):
            yield from response.stream(CHUNK)

    def exists(self, name: str) -> bool:
        try:
            with self._errors(name):
                self._client.stat_object(self._bucket, name)
        except ObjectMissing:
            return False
        return True


def _taken(name: str) -> ObjectExists:
    return ObjectExists(f"{name}: is there already, and somebody else wrote it")
