"""Strays: folders of tickets that the index lacks, and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage import keys, names
from storage.errors import LetheError
from storage.objects import StoreRefused, StoreUnavailable
from storage.record import Record
from storage.tickets import LOCK_SECONDS, NoSuchTicket

PAGE = 1000  # folders that one walk compares with the index: what S3 lists in one answer
READ = 100  # strays that one walk reads; each is a few requests


@dataclass(frozen=True)
class Strays:
    """What one walk did, by ticket."""

    indexed: tuple[str, ...]  # submitted while Redis was away, or forgotten by it
    removed: tuple[str, ...]  # photos whose submission died before its first event
    broken: tuple[str, ...]  # cannot be read; `lethe ledger verify` says why


def walk(record: Record, page: int = PAGE, read: int = READ) -> Strays:
    """Looks at the next ``page`` ticket folders; the walk after the last begins anew.

    Raises:
        StoreRefused, StoreUnavailable, QueueUnavailable
    """
    after = str(record.redis.get(keys.WALKED) or "")
    folders = record.objects.folders_after("tickets/", after, page)
    strays = _unindexed(record, folders)
    indexed, removed, broken = [], [], []
    for ticket in strays[:read]:
        try:
            if _index(record, ticket):
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


def _unindexed(record: Record, folders: Sequence[str]) -> list[str]:
    if not folders:
        return []
    scores = record.redis.zmscore(keys.TICKETS, list(folders))
    return [name for name, score in zip(folders, scores, strict=True) if score is None]


def _index(record: Record, ticket: str) -> bool:
    """Whether the ticket is in the index now; under its lock, so that no older state is written.

    Raises:
        NoSuchTicket: there is no event in the folder.
        NoSuchModel, Corrupt, BadName
    """
    lock = record.redis.lock(
        keys.append_lock(names.ticket_id(ticket)),
        timeout=LOCK_SECONDS,
        blocking=False,
        raise_on_release_error=False,
    )
    if not lock.acquire():
        return False  # somebody moves it, and writes the index, too
    try:
        found = record.tickets.load(ticket)
        record.models.get(found.model)
        record.models.register(found.model)  # a Redis that lost its data forgot this, too
        record.tickets.index(found)
    finally:
        lock.release()
    return True


def _remove(record: Record, ticket: str) -> bool:
    """Removes photos that no event came after; those of a submission under way stay."""
    age = timedelta(seconds=record.settings.orphan_seconds)
    changed = record.photos.changed(ticket)
    if changed is None or datetime.now(UTC) - changed < age:
        return False
    return record.photos.remove(ticket) > 0
