"""Large objects: sent as they are read, and asked for their size."""

from __future__ import annotations

from typing import BinaryIO

from storage.store.bucket import Bucket
from storage.store.digest import DIGEST

_PART = 8 * 1024 * 1024  # bytes in memory at a time; S3 takes no parts under 5 MiB


class Streams(Bucket):
    """What an ``ObjectStore`` can do with objects that are too large for memory."""

    def put_stream(self, name: str, stream: BinaryIO, size: int, digest: str) -> None:
        """Writes ``size`` bytes of ``stream``, whose SHA-256 is ``digest``, a part at a time."""
        with self._errors(name):
            self._client.put_object(
                self._bucket, name, stream, size, metadata={DIGEST: digest}, part_size=_PART
            )

    def size(self, name: str) -> int:
        """Bytes of the object.

        Raises:
            ObjectMissing, StoreUnavailable
        """
        with self._errors(name):
            return int(self._client.stat_object(self._bucket, name).size or 0)

    def date(self, name: str) -> str | None:
        """The store's time as it dates an answer about an object (RFC 9110).

        Raises:
            ObjectMissing, StoreUnavailable
        """
        with self._errors(name):
            return (self._client.stat_object(self._bucket, name).metadata or {}).get("date")
