"""The object store: one bucket behind the ``minio`` client, MinIO or any other S3."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError  # only named: minio parses the store's answers

import urllib3
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError

from storage.canonical import CHUNK, Corrupt, Document, canonical, file_sha256, parse, sha256
from storage.errors import BadInput, LetheError
from storage.settings import Settings

CONNECT_SECONDS = 5.0  # at most; LETHE_S3_TIMEOUT may ask for less
RETRIES, SILENT_RETRIES = 3, 2  # after any failure; after a connection that broke or stayed silent
BACKOFF_SECONDS = 0.2  # urllib3 waits 0, 2, 4 times as long before it tries again
_DIGEST = "x-amz-meta-sha256"  # kept with every object, and given back with it
_MD5_ETAG = re.compile(r"[0-9a-f]{32}")
_OTHER_ETAGS = {  # with these keys an ETag is no MD5
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
}
_MISSING = {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "ResourceNotFound"}
_REFUSED = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AccessDenied",
    "AuthorizationHeaderMalformed",
}
_FULL = {"XMinioStorageFull", "InsufficientStorage", "QuotaExceeded", "InsufficientCapacity"}


class ObjectMissing(LetheError):
    """There is no object of this name."""


class StoreRefused(BadInput):
    """The store answers, but not to this key."""


class StoreUnavailable(LetheError):
    """The store does not answer, or answers that it cannot work. Trying again may help."""


class _Connections(urllib3.PoolManager):
    """Sends each body's MD5 along (RFC 1864): what arrives altered is refused, not kept.

    The signature names a SHA-256 of the body, too, but not every server looks at it.
    """

    def urlopen(  # type: ignore[override]  # as PoolManager itself has it
        self, method: str, url: str, redirect: bool = True, **given: Any
    ) -> urllib3.BaseHTTPResponse:
        body = given.get("body")
        if isinstance(body, bytes):
            md5 = hashlib.md5(body, usedforsecurity=False).digest()
            given["headers"] = urllib3.HTTPHeaderDict(given.get("headers"))
            given["headers"]["Content-MD5"] = base64.b64encode(md5).decode()
        return super().urlopen(method, url, redirect=redirect, **given)


class ObjectStore:
    """Objects by name. Each carries its SHA-256 and is checked when read; a wrong one is
    ``Corrupt``."""

    def __init__(self, client: Minio, bucket: str, endpoint: str) -> None:
        self._client = client
        self._bucket = bucket
        self._endpoint = endpoint
        self._versioned: bool | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> ObjectStore:
        parts = urlsplit(settings.s3_endpoint)
        client = Minio(
            parts.netloc,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key.get_secret_value(),
            region=settings.s3_region,
            secure=parts.scheme == "https",
            http_client=_Connections(
                maxsize=16,
                timeout=urllib3.Timeout(
                    connect=min(CONNECT_SECONDS, settings.s3_timeout), read=settings.s3_timeout
                ),
                retries=urllib3.Retry(
                    total=RETRIES,
                    read=SILENT_RETRIES,
                    backoff_factor=BACKOFF_SECONDS,
                    status_forcelist=[500, 502, 503, 504],
                    allowed_methods=None,  # deletions are POSTs, and may be asked for twice
                    respect_retry_after_header=False,  # it may name hours
                ),
            ),
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
            self._client.put_object(
                self._bucket,
                name,
                io.BytesIO(data),
                len(data),
                content_type=content_type,
                metadata={_DIGEST: digest},
            )
        return digest

    def put_document(self, name: str, document: Document) -> str:
        return self.put(name, canonical(document), "application/json")

    def put_file(self, name: str, path: Path) -> str:
        digest = file_sha256(path)
        with self._errors(name):
            self._client.fput_object(self._bucket, name, str(path), metadata={_DIGEST: digest})
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
                for chunk in response.stream(CHUNK):
                    found.update(chunk)
                    md5.update(chunk)
                    file.write(chunk)
            finally:
                response.close()
                response.release_conn()
        kept = response.headers.get(_DIGEST)
        for wanted in (digest, kept):
            _check(name, found.hexdigest(), wanted)
        if digest is None and kept is None:
            _check_etag(name, md5.hexdigest(), response.headers)

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

    def remove_all(self, prefix: str) -> int:
        """Removes every version of every object under ``prefix``; returns how many."""
        with self._errors(prefix):
            found = self._client.list_objects(
                self._bucket, prefix=prefix, recursive=True, include_version=self._keeps_versions()
            )
            targets = [
                DeleteObject(item.object_name, item.version_id)
                for item in found
                if item.object_name
            ]
            errors = list(self._client.remove_objects(self._bucket, targets))
        if errors:
            raise StoreUnavailable(f"{prefix}: {len(errors)} objects could not be removed")
        return len(targets)

    def _keeps_versions(self) -> bool:
        # Asked once: a store without versioning may not even understand a listing of versions.
        if self._versioned is None:
            status = self._client.get_bucket_versioning(self._bucket).status
            self._versioned = status in {"Enabled", "Suspended"}
        return self._versioned

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        try:
            yield
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ParseError) as error:
            raise self._translate(name, error) from error

    def _translate(self, name: str, error: Exception) -> LetheError:
        code = _code(error)
        if code in _MISSING:
            return ObjectMissing(f"{name}: no such object")
        if code in _REFUSED:
            return StoreRefused(
                f"the object store at {self._endpoint} refused the access key ({code}): "
                "check LETHE_S3_ACCESS_KEY and LETHE_S3_SECRET_KEY"
            )
        if code in _FULL:
            return StoreUnavailable(f"{name}: the object store is full ({code}); free some space")
        return StoreUnavailable(
            f"{name}: the object store at {self._endpoint} failed "
            f"({code or _why(error)}); is it running, and is LETHE_S3_ENDPOINT right?"
        )


def _code(error: Exception) -> str:
    if isinstance(error, S3Error):
        return error.code or ""
    if isinstance(error, ServerError):
        return str(error.status_code)
    if isinstance(error, InvalidResponseError):
        # minio reads only application/xml; some stores answer errors as text/xml.
        found = re.search(r"<Code>(\w+)</Code>", str(error))
        return found.group(1) if found else ""
    return ""


def _why(error: Exception) -> str:
    """What happened the last time that it was tried."""
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason:
        error = error.reason
    if isinstance(error, urllib3.exceptions.ResponseError):
        return str(error)  # too many 503 error responses
    return type(error).__name__


def _check(name: str, found: str, wanted: str | None) -> None:
    if wanted is not None and found != wanted:
        raise Corrupt(f"{name}: has SHA-256 {found[:12]}…, not {wanted[:12]}…: altered or damaged")


def _check_etag(name: str, md5: str, headers: urllib3.HTTPHeaderDict) -> None:
    """For objects whose SHA-256 the server forgot (rclone does when it starts anew).

    The ETag of an object that came in one part is its MD5: what the server meant to send.
    """
    etag = headers.get("etag", "").strip('"')
    if any(key in headers for key in _OTHER_ETAGS) or not _MD5_ETAG.fullmatch(etag):
        return
    if etag != md5:
        raise Corrupt(f"{name}: has MD5 {md5[:12]}…, not {etag[:12]}…: altered or damaged")
