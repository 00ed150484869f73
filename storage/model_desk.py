"""What people do with models: promote, roll back, settle, delete. Pages and CLI both call it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from storage.errors import BadInput, LetheError
from storage.leases import Lease
from storage.models import ModelPolicy, Version
from storage.names import BadName
from storage.record import Record
from storage.states import ENDED
from storage.tickets import NoSuchTicket

MOST_LETTERS = 500  # of a reason


class ModelBusy(LetheError):
    """A run works on the model."""


class VersionNeeded(BadInput):
    """A version that cannot be deleted, because something names it."""


class ModelDesk:
    def __init__(self, record: Record) -> None:
        self._record = record
        self._models = record.models

    def promote(self, model: str, number: int, actor: str) -> Version:
        """Makes version ``number`` the current one.

        Raises:
            NoSuchModel, VersionDeleted, ModelBusy, LeaseLost
        """
        self._models.version(model, number)
        with self._held("model", model) as lease:
            return self._models.promote(model, number, actor, lease)

    def rollback(self, model: str, actor: str) -> Version:
        """Makes the version that the current one was made from current again.

        Raises:
            NoSuchModel: the current version is the import.
            VersionDeleted, ModelBusy, LeaseLost
        """
        self._models.rollback_target(model)
        with self._held("model", model) as lease:
            return self._models.rollback(model, actor, lease)

    def settle(
        self, model: str, actor: str, *, approval: str | None = None, publish_as: str | None = None
    ) -> ModelPolicy:
        """Changes the model's policy, also while a run works on the model.

        Raises:
            NoSuchModel, BadInput, ModelBusy, LeaseLost
        """
        self._models.get(model)
        with self._held("policy", model) as lease:
            return self._models.settle(
                model, actor, lease, approval=approval, publish_as=publish_as
            )

    def delete(self, model: str, number: int, actor: str, reason: str) -> Version:
        """Deletes a version's files for good; its manifest stays, for the chain.

        Done again after it died half-way, it removes what is left.

        Raises:
            NoSuchModel, VersionDeleted, ModelBusy, LeaseLost
            VersionNeeded: an alias names it, an open ticket needs it, or it is the last one.
        """
        reason = " ".join(reason.split())
        if not 0 < len(reason) <= MOST_LETTERS:
            raise BadInput(f"a reason of 1 to {MOST_LETTERS} letters is needed; it stays on record")
        version = self._models.version(model, number)
        with self._held("model", model) as lease:
            again = number in self._models.deleted(model)
            if not again:
                self._check_not_needed(version)
            removed = self._models.delete(version, actor, reason, lease)
            if again and not removed:
                self._models.check_kept(version)
        return version

    def _check_not_needed(self, version: Version) -> None:
        model, number = version.model, version.number
        for alias, pointed in self._models.aliases(model).items():
            if pointed == number:
                raise VersionNeeded(f"model {model}: version {number} is {alias}; not deleted")
        kept = set(self._models.numbers(model)) - self._models.deleted(model)
        if kept <= {number}:
            raise VersionNeeded(
                f"model {model}: version {number} is the last one that is left; not deleted"
            )
        for ticket in self._record.tickets.recorded():
            if self._needs(ticket, version):
                raise VersionNeeded(
                    f"model {model}: ticket {ticket} is open and needs version {number}; "
                    "not deleted"
                )

    def _needs(self, ticket: str, version: Version) -> bool:
        """Whether the ticket has not ended and made the version, or is to be made from it.

        Raises:
            Corrupt: neither index nor record can say so.
        """
        try:
            found = self._record.tickets.get(ticket)
        except (NoSuchTicket, BadName):
            return False  # a folder that is no ticket
        if found.model != version.model or found.state in ENDED:
            return False
        if ticket in version.made_by.get("tickets", []):
            return True
        events = self._record.tickets.events(ticket)
        facts = [event.data["facts"] for event in events if "facts" in event.data]
        return any(fact.get("parent") == version.number for fact in facts)

    @contextmanager
    def _held(self, kind: str, model: str) -> Iterator[Lease]:
        with self._record.leases.hold(kind, model) as lease:
            if lease is None:
                what = "an erasure runs on it" if kind == "model" else "somebody else changes that"
                raise ModelBusy(f"model {model}: {what}; try again when it is done")
            yield lease
