"""What is settled for one model: how its tickets are approved, where its versions go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from storage import names, object_names
from storage.canonical import Corrupt, Document
from storage.errors import BadInput
from storage.journal import Entry, Journal
from storage.leases import Lease
from storage.models.aliases import ALIASES
from storage.store.objects import ObjectStore


class Approval(StrEnum):
    BY_HAND = "by-hand"  # an approver decides on each ticket
    AUTOMATIC = "automatic"  # what is submitted is approved


@dataclass(frozen=True)
class ModelPolicy:
    approval: Approval
    publish_as: str  # the alias that a certified version gets


class ModelPolicies:
    """``publish_as``: for models that settle nothing."""

    def __init__(self, objects: ObjectStore, publish_as: str) -> None:
        self._objects = objects
        self._default = publish_as

    def get(self, model: str) -> ModelPolicy:
        """
        Raises:
            Corrupt: what was settled cannot be read.
        """
        approval, alias = _read(self._journal(model).last())
        return ModelPolicy(approval or Approval.BY_HAND, alias or self._default)

    def change(
        self, model: str, actor: str, lease: Lease, approval: str | None, publish_as: str | None
    ) -> ModelPolicy:
        """Settles what is given; what is None stays as it is.

        Raises:
            BadInput: neither is known.
            LeaseLost
        """
        journal = self._journal(model)
        before_approval, before_alias = _read(journal.last())
        facts: Document = {
            "approval": approval or before_approval,
            "publish_as": publish_as or before_alias,
        }
        if not _is_sound(facts):
            raise BadInput(
                f"model {model}: approval is {' or '.join(Approval)}, "
                f"and a version is published as {' or '.join(ALIASES)}"
            )
        journal.append(facts, actor, lease)
        return self.get(model)

    def faults(self, model: str) -> list[str]:
        found = []
        for entry in self._journal(model).walk():
            try:
                if isinstance(entry, Corrupt):
                    raise entry
                _read(entry)
            except Corrupt as error:
                found.append(str(error))
        return found

    def _journal(self, model: str) -> Journal:
        return Journal(self._objects, object_names.policy(names.model_name(model)))


def _read(entry: Entry | None) -> tuple[Approval | None, str | None]:
    if entry is None:
        return None, None
    if not _is_sound(entry.facts):
        raise Corrupt(f"{entry.name}: not the policy of a model")
    approval, alias = entry.facts.get("approval"), entry.facts.get("publish_as")
    return Approval(approval) if approval else None, alias


def _is_sound(facts: Document) -> bool:
    approval, alias = facts.get("approval"), facts.get("publish_as")
    return approval in (None, *Approval) and alias in (None, *ALIASES)
