"""The object store: one bucket behind the ``minio`` client, MinIO or any other S3."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError  # only named: minio parses the store's answers

import urllib3
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import MinioException

from storage import keys
from storage.canonical import CHUNK, Document, canonical, file_sha256, parse, sha256
from storage.settings import Settings
from storage.store.connections import Connections, only_new
from storage.store.digest import DIGEST, check
from storage.store.errors import (
    ObjectExists,
    ObjectMissing,
    StoreRefused,
    StoreUnavailable,
    says_taken,
    says_unknown,
    translate,
)
from storage.store.streams import ObjectStreams

__all__ = ["ObjectExists", "ObjectMissing", "ObjectStore", "StoreRefused", "StoreUnavailable"]

_WRITER = "x-amz-meta-writer"  # whose write it was; kept with what is written only once
_ONE_PART = 5 * 1024 * 1024  # bytes; S3 takes no smaller parts
_CONFLICTS = 3  # so often a write is sent that conflicts with one under way


class ObjectStore(ObjectStreams):
    """Objects by name. Each carries its SHA-256 and is checked when read; a wrong one is
    ``Corrupt``."""

    def __init__(self, client: Minio, bucket: str, endpoint: str) -> None:
        self._client = client
        self._bucket = bucket
        self._endpoint = endpoint
        self._versioned: bool | None = None
        self._conditional: bool | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> ObjectStore:
        parts = urlsplit(settings.s3_endpoint)
        client = Minio(
            parts.netloc,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key.get_secret_value(),
            region=settings.s3_region,
            secure=parts.scheme == "https",
            http_client=Connections.open(settings.s3_timeout),
        )
        return cls(client, settings.s3_bucket, settings.s3_endpoint)

    def ensure_bucket(self) -> None:
        with self._errors(f"bucket {self._bucket}"):
            if not self._client.bucket_exists(self._bucket):
                self._client.make_bucket(self._bucket)

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
        with self._errors(keys.PROBE):
            try:
                with only_new():
                    self._send(keys.PROBE, data, "application/json", {DIGEST: sha256(data)})
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

    def names(self, prefix: str) -> Iterator[str]:
        """Names of all objects under ``prefix``, in order."""
        with self._errors(prefix):
            for item in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
                if item.object_name and not item.is_dir:
                    yield item.object_name

    def etags(self, prefix: str) -> dict[str, str]:
        """The ETag of each object under ``prefix``, by name: another one for other bytes."""
        with self._errors(prefix):
            items = self._client.list_objects(self._bucket, prefix=prefix, recursive=True)
            return {
                item.object_name: item.etag or ""
                for item in items
                if item.object_name and not item.is_dir
            }

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders right under ``prefix`` (which ends in a slash)."""
        with self._errors(prefix):
            items = self._client.list_objects(self._bucket, prefix=prefix)
            names = [item.object_name for item in items if item.is_dir and item.object_name]
        return [name.removeprefix(prefix).strip("/") for name in names]

    def folders_after(self, prefix: str, after: str, limit: int) -> list[str]:
        """At most ``limit`` names of ``folders(prefix)``, the first that follow on ``after``."""
        # Behind all that lies in the folder, or some stores would list it once more.
        start = f"{prefix}{after}/~" if after else None
        with self._errors(prefix):
            items = self._client.list_objects(self._bucket, prefix=prefix, start_after=start)
            found = (item.object_name for item in items if item.is_dir and item.object_name)
            names = list(islice(found, limit))
        return [name.removeprefix(prefix).strip("/") for name in names]

    def changed(self, prefix: str) -> datetime | None:
        """When anything under ``prefix`` was last written, by the store's clock."""
        with self._errors(prefix):
            items = self._client.list_objects(self._bucket, prefix=prefix, recursive=True)
            return max((item.last_modified for item in items if item.last_modified), default=None)

    def left(self, prefix: str) -> int:
        """How many objects are under ``prefix``, each version counted that the bucket keeps."""
        with self._errors(prefix):
            found = self._client.list_objects(
                self._bucket, prefix=prefix, recursive=True, include_version=self.versioned
            )
            return sum(1 for item in found if not item.is_dir and not item.is_delete_marker)

    def remove_all(self, prefix: str, keep: Collection[str] = ()) -> int:
        """Removes every version of every object under ``prefix``, but for those named in ``keep``.

        Returns how many. Where the bucket keeps versions its delete markers go, too.
        """
        with self._errors(prefix):
            found = self._client.list_objects(
                self._bucket, prefix=prefix, recursive=True, include_version=self.versioned
            )
            targets = [
                DeleteObject(item.object_name, item.version_id)
                for item in found
                if item.object_name and item.object_name not in keep
            ]
            errors = list(self._client.remove_objects(self._bucket, targets))
        if errors:
            raise StoreUnavailable(f"{prefix}: {len(errors)} objects could not be removed")
        return len(targets)

    @property
    def versioned(self) -> bool:
        """Whether the bucket keeps older versions of what is replaced or removed."""
        # Asked once: a store without versioning may not even understand a listing of versions.
        if self._versioned is None:
            with self._errors(f"bucket {self._bucket}"):
                status = self._client.get_bucket_versioning(self._bucket).status
            self._versioned = status in {"Enabled", "Suspended"}
        return self._versioned

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        try:
            yield
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ParseError) as error:
            raise translate(name, self._endpoint, error) from error


def _taken(name: str) -> ObjectExists:
    return ObjectExists(f"{name}: is there already, and somebody else wrote it")
