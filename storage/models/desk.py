"""What people do with models: import, promote, roll back, settle, delete. Pages, API and CLI all
call it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from storage import names
from storage.audit.entry import Act, Fact
from storage.errors import BadInput, LetheError
from storage.leases import Lease
from storage.models.imports import Import
from storage.models.registry import Model, ModelExists, ModelPolicy, Version
from storage.names import BadName
from storage.queue import Queue
from storage.record import Record
from storage.tickets.registry import NoSuchTicket
from storage.tickets.states import ENDED

MOST_LETTERS = 500  # of a reason


class ModelBusy(LetheError):
    """A run works on the model."""


class VersionNeeded(BadInput):
    """A version that cannot be deleted, because something names it."""


class ModelMoved(BadInput):
    """Another version became current since somebody looked."""


class PolicyMoved(BadInput):
    """The model's policy was settled anew since somebody looked."""


class BadModelFile(BadInput):
    """A file that cannot be taken for import."""


@dataclass(frozen=True)
class Upload:
    """A model file on its way in; ``stream`` can be read twice."""

    name: str
    stream: BinaryIO
    size: int  # bytes


class ModelDesk:
    def __init__(self, record: Record, queue: Queue | None = None) -> None:
        """Without a queue, the sweep sends what was taken for import."""
        self._record = record
        self._models = record.models
        self._queue = queue

    def import_(self, model: Model, file: Upload | str, actor: str) -> Import:
        """Takes a model file: an upload, or the name of one in the workers' import folder. A worker
        checks it and makes it version 1 of the new model.

        Raises:
            ModelExists, BadName
            NoSuchFaceSet, NoPeople: of a face set that the model is to use.
            BadModelFile: too large, empty, or there is no import folder.
        """
        name = names.model_name(model.name)
        if self._models.numbers(name):
            raise ModelExists(f"model {name}: exists already; choose another name")
        for faces in (model.reference_faces, model.benchmark_faces):
            self._record.faces.get(faces).check_people()
        for pairs in model.verification:
            self._record.faces.get(pairs)
        if isinstance(file, str):
            self._check_folder()
            found = self._record.imports.name(model, file, actor)
        else:
            self._check_size(file)
            found = self._record.imports.keep(model, file.name, file.stream, file.size, actor)
        if self._queue is not None:
            self._queue.import_model(found.id)
        return found

    def promote(
        self, model: str, number: int, actor: str, *, instead_of: int | None = None
    ) -> Version:
        """Makes version ``number`` the current one.

        Args:
            instead_of: the version that is current as far as the actor knows.

        Raises:
            NoSuchModel, VersionDeleted, ModelBusy, LeaseLost
            ModelMoved: it is another one.
        """
        self._models.version(model, number)
        with self._held("model", model) as lease:
            self._check_current(model, instead_of)
            version = self._models.promote(model, number, actor, lease)
        self._tell(actor, Act.VERSION_PROMOTED, model, {"version": number})
        return version

    def rollback(self, model: str, actor: str, *, instead_of: int | None = None) -> Version:
        """Makes the version that the current one was made from current again.

        Raises:
            NoSuchModel: the current version is the import.
            VersionDeleted, ModelBusy, ModelMoved, LeaseLost
        """
        self._models.rollback_target(model)
        with self._held("model", model) as lease:
            self._check_current(model, instead_of)
            version = self._models.rollback(model, actor, lease)
        self._tell(actor, Act.VERSION_ROLLED_BACK, model, {"version": version.number})
        return version

    def settle(
        self,
        model: str,
        actor: str,
        *,
        approval: str | None = None,
        publish_as: str | None = None,
        instead_of: ModelPolicy | None = None,
    ) -> ModelPolicy:
        """Changes the model's policy, also while a run works on the model.

        Args:
            instead_of: the policy that holds as far as the actor knows.

        Raises:
            NoSuchModel, BadInput, ModelBusy, LeaseLost
            PolicyMoved: it is another one.
        """
        self._models.get(model)
        with self._held("policy", model) as lease:
            if instead_of is not None and self._models.policy(model) != instead_of:
                raise PolicyMoved(f"model {model}: somebody changed its policy; look at it again")
            policy = self._models.settle(
                model, actor, lease, approval=approval, publish_as=publish_as
            )
        facts = {"approval": str(policy.approval), "publish_as": policy.publish_as}
        self._tell(actor, Act.POLICY_CHANGED, model, facts)
        return policy

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
        self._tell(actor, Act.VERSION_DELETED, model, {"version": number})
        return version

    def _tell(self, actor: str, act: Act, model: str, facts: Mapping[str, Fact]) -> None:
        """The model's own journals have it by now, so it does not hang on the audit log."""
        self._record.audit.mention(actor, act, model, facts)

    def _check_folder(self) -> None:
        if self._record.settings.import_dir is None:
            raise BadModelFile(
                "no import folder is set: upload the file, or let LETHE_IMPORT_DIR name a folder "
                "of the workers"
            )

    def _check_size(self, file: Upload) -> None:
        most = self._record.settings.model_bytes
        if not 0 < file.size <= most:
            raise BadModelFile(
                f"{file.name[:80]}: holds {file.size} bytes; a model file has 1 to {most} "
                "(LETHE_MODEL_BYTES)"
            )

    def _check_current(self, model: str, expected: int | None) -> None:
        current = self._models.aliases(model).get("current")
        if expected is not None and current != expected:
            raise ModelMoved(
                f"model {model}: version {current} is current by now, not {expected}; look again"
            )

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
        if ticket in version.tickets:
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
