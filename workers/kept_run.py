"""The kept run: what a model's last run left in the store to go on from, and whose run it is."""

from __future__ import annotations

from storage import object_names
from storage.canonical import Corrupt
from storage.errors import LetheError
from storage.leases import Lease
from storage.record import Record
from storage.store.objects import ObjectMissing, ObjectStore, StoreRefused, StoreUnavailable
from storage.tickets.states import State

# An attempt that ends there may be followed by another, which goes on from the checkpoint.
RESUMED = frozenset({State.UNLEARNING, State.CERTIFYING, State.PUBLISHING})
WANTED = RESUMED | {State.QUEUED, State.FAILED}


def keep_tickets(objects: ObjectStore, model: str, tickets: list[str]) -> None:
    """Says whose run the checkpoint is that is written next."""
    objects.put_document(object_names.run_tickets(model), {"format": 1, "tickets": tickets})


def kept_tickets(objects: ObjectStore, model: str) -> list[str]:
    """Whose run it is, in the run's order; nobody's where nothing is kept or can be read."""
    try:
        document = objects.get_document(object_names.run_tickets(model))
    except (ObjectMissing, Corrupt):
        return []
    tickets = document.get("tickets")
    if document.get("format") != 1 or not isinstance(tickets, list):
        return []
    return [ticket for ticket in tickets if isinstance(ticket, str)]


def settle(record: Record, model: str, lease: Lease) -> bool:
    """Removes what is kept unless all its tickets may yet go on from it; says whether it did.

    Raises:
        LeaseLost, StoreRefused, StoreUnavailable
    """
    kept = any(True for _ in record.objects.names(object_names.run(model)))
    if not kept or _wanted(record, model):
        return False
    lease.check()
    record.objects.remove_all(object_names.run(model))
    return True


def clear(record: Record) -> list[str]:
    """Models whose kept run nobody wants any more: their worker died before it was removed.

    Raises:
        StoreRefused, StoreUnavailable, QueueUnavailable
    """
    cleared = []
    for model in record.objects.folders("runs/"):
        if record.leases.held("model", model):
            continue
        with record.leases.hold("model", model) as lease:
            if lease is not None and settle(record, model, lease):
                cleared.append(model)
    return cleared


def _wanted(record: Record, model: str) -> bool:
    tickets = kept_tickets(record.objects, model)
    if not tickets:  # of a version of Lethe that did not say whose run it is
        return any(record.tickets.waiting(model, state) for state in RESUMED)
    return all(_state(record, ticket) in WANTED for ticket in tickets)


def _state(record: Record, ticket: str) -> State | None:
    try:
        return record.tickets.get(ticket).state
    except (StoreRefused, StoreUnavailable):
        raise
    except LetheError:  # no ticket, or one whose chain is broken: it will not go on
        return None
