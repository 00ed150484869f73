"""One bucket behind the ``minio`` client, MinIO or any other S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError  # only named: minio parses the store's answers

import urllib3
from minio import Minio
from minio.error import MinioException

from storage.settings import Settings
from storage.store.connections import Connections
from storage.store.errors import translate


class Bucket:
    def __init__(self, client: Minio, bucket: str, endpoint: str) -> None:
        self._client = client
        self._bucket = bucket
        self._endpoint = endpoint
        self._versioned: bool | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
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
            if self._client.bucket_exists(self._bucket):
                return
            try:
                self._client.make_bucket(self._bucket)
            except MinioException:
                if not self._client.bucket_exists(self._bucket):  # nobody else made it just now
                    raise

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
