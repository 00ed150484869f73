"""What lies in the bucket: names of objects and folders, and their removal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import islice

from minio.deleteobjects import DeleteObject

from storage.store.bucket import Bucket
from storage.store.errors import StoreUnavailable


class Listing(Bucket):
    """What an ``ObjectStore`` can do with all that lies under one prefix."""

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
