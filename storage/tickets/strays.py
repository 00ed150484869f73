"""Strays: tickets that the index lacks or shows as they were, and photos without a ticket."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage import keys, object_names
from storage.canonical import Corrupt
from storage.errors import LetheError
from storage.record import Record
from storage.store.objects import StoreRefused, StoreUnavailable
from storage.tickets.registry import NoSuchTicket
from storage.tickets.ticket import Ticket

PAGE = 1000  # folders that one walk compares with the index: what S3 lists in one answer
READ = 100  # strays that one walk reads; each is a few requests
COMPARED = 50  # open tickets whose events one walk counts; each is a request


@dataclass(frozen=True)
class Strays:
    """What one walk did, by ticket."""

    indexed: tuple[str, ...]  # submitted while Redis was away, or forgotten by it
    removed: tuple[str, ...]  # photos whose submission died before its first event, old drafts
    broken: tuple[str, ...]  # cannot be read; `lethe ledger verify` says why


def walk(record: Record, page: int = PAGE, read: int = READ) -> Strays:
    """Looks at the next ``page`` ticket folders; the walk after the last begins anew.

    Raises:
        StoreRefused, StoreUnavailable, QueueUnavailable
    """
    after = str(record.redis.get(keys.WALKED) or "")
    folders = record.objects.folders_after(object_names.TICKET_FOLDERS, after, page)
    strays = _unindexed(record, folders)
    record.tickets.index.renew(folders)
    indexed, removed, broken = [], [], []
    for ticket in strays[:read]:
        try:
            _index(record, ticket)
            indexed.append(ticket)
        except NoSuchTicket:
            if _remove(record, ticket):
                removed.append(ticket)
        except (StoreRefused, StoreUnavailable):
            raise
        except LetheError:  # no ticket's name, a chain that breaks, a model that is gone
            broken.append(ticket)
    last = folders[-1] if len(folders) == page else ""
    # What cannot be indexed is passed by, too: it must not keep the others waiting.
    record.redis.set(keys.WALKED, strays[read - 1] if len(strays) > read else last)
    return Strays(tuple(indexed), tuple(removed), tuple(broken))


def refresh(record: Record, compared: int = COMPARED) -> list[str]:
    """Indexes anew which of the next open tickets went on while Redis was away, or their mover
    died before the index had it; the call after the last begins anew.

    Raises:
        StoreRefused, StoreUnavailable, QueueUnavailable
    """
    first = int(record.redis.get(keys.COMPARED) or 0)
    ids = [str(item) for item in record.redis.zrange(keys.DEADLINES, first, first + compared - 1)]
    record.redis.set(keys.COMPARED, first + len(ids) if len(ids) == compared else 0)
    stale = []
    for ticket in record.tickets.index.tickets(ids):
        if ticket is None or ticket.events == record.tickets.length(ticket.id):
            continue
        with suppress(Corrupt, NoSuchTicket):  # `lethe ledger verify` says so
            record.tickets.reindex(ticket.id)
            stale.append(ticket.id)
    return stale


def _unindexed(record: Record, folders: Sequence[str]) -> list[str]:
    if not folders:
        return []
    scores = record.redis.zmscore(keys.TICKETS, list(folders))
    return [name for name, score in zip(folders, scores, strict=True) if score is None]


def _index(record: Record, ticket: str) -> None:
    """
    Raises:
        NoSuchTicket: there is no event in the folder.
        NoSuchModel, Corrupt, BadName
    """
    events = record.tickets.events(ticket)
    found = Ticket.replay(events)
    record.models.get(found.model)
    record.models.register(found.model)  # a Redis that lost its data forgot this, too
    record.tickets.announce(events[-1])
    record.tickets.index.write(found)


def _remove(record: Record, ticket: str) -> bool:
    """Removes photos that no event came after; those of a submission under way stay, and those of
    a draft as long as somebody comes back to it."""
    with record.tickets.lock(ticket):
        drafted = record.photos.drafted(ticket)
        settings = record.settings
        age = timedelta(seconds=settings.draft_seconds if drafted else settings.orphan_seconds)
        changed = record.photos.changed(ticket)
        if changed is None or datetime.now(UTC) - changed < age:
            return False
        return record.drafts.remove(ticket) > 0
