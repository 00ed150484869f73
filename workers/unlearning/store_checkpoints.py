"""A checkpoint in the object store, for runs that another worker may go on with."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from storage import object_names
from storage.leases import Lease
from storage.store.objects import ObjectMissing, ObjectStore, StoreRefused, StoreUnavailable
from workers.kept_run import keep_tickets

log = structlog.get_logger()

_STORE_FAILED = (ObjectMissing, StoreUnavailable, StoreRefused)  # missing: the bucket itself


class StoreCheckpoints:
    """One object of a model, written by whoever holds the model's lease, and whose run it is."""

    def __init__(
        self, objects: ObjectStore, model: str, tickets: Sequence[str], lease: Lease
    ) -> None:
        self._objects, self._model, self._lease = objects, model, lease
        self._tickets, self._named = list(tickets), False

    def load(self) -> bytes | None:
        """
        Raises:
            StoreUnavailable, StoreRefused
        """
        try:
            return self._objects.get(object_names.checkpoint(self._model))
        except ObjectMissing:
            return None

    def save(self, data: bytes) -> None:
        """
        Raises:
            LeaseLost
        """
        self._lease.check()
        try:
            if not self._named:  # first: by itself it makes nobody else's checkpoint ours
                keep_tickets(self._objects, self._model, self._tickets)
                self._named = True
            self._objects.put(object_names.checkpoint(self._model), data)
        except _STORE_FAILED as error:
            log.warning("checkpoint not written", model=self._model, error=type(error).__name__)
