"""The object store: one bucket behind the ``minio`` client, MinIO or any other S3."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError

from storage.canonical import Corrupt, Document, canonical, file_sha256, parse, sha256
from storage.errors import BadInput, LetheError
from storage.settings import Settings

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
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


class ObjectStore:
    """Objects by name. Reads with a digest are checked; a wrong one is ``Corrupt``."""

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
            http_client=urllib3.PoolManager(
                maxsize=16,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                retries=urllib3.Retry(
                    total=3, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]
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
        with self._errors(name):
            self._client.put_object(
                self._bucket, name, io.BytesIO(data), len(data), content_type=content_type
            )
        return sha256(data)

    def put_document(self, name: str, document: Document) -> str:
        return self.put(name, canonical(document), "application/json")

    def put_file(self, name: str, path: Path) -> str:
        digest = file_sha256(path)
        with self._errors(name):
            self._client.fput_object(self._bucket, name, str(path))
        return digest

    def get(self, name: str, digest: str | None = None) -> bytes:
        """The object's bytes.

        Raises:
            ObjectMissing, StoreUnavailable
            Corrupt: its SHA-256 is not ``digest``.
        """
        with self._errors(name):
            response = self._client.get_object(self._bucket, name)
            try:
                data = bytes(response.data)
            finally:
                response.close()
                response.release_conn()
        _check(name, sha256(data), digest)
        return data

    def get_document(self, name: str, digest: str | None = None) -> Document:
        return parse(self.get(name, digest), name)

    def get_file(self, name: str, path: Path, digest: str | None = None) -> None:
        with self._errors(name):
            self._client.fget_object(self._bucket, name, str(path))
        try:
            _check(name, file_sha256(path), digest)
        except Corrupt:
            path.unlink()
            raise

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
        except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
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
            f"({code or type(error).__name__}); is it running, and is LETHE_S3_ENDPOINT right?"
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


def _check(name: str, found: str, wanted: str | None) -> None:
    if wanted is not None and found != wanted:
        raise Corrupt(f"{name}: has SHA-256 {found[:12]}…, not {wanted[:12]}…: altered or damaged")
