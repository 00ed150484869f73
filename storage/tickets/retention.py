"""Retention: photos of ended tickets go at once, ended tickets leave the lists in time."""

from __future__ import annotations

import time

import structlog

from storage import keys
from storage.errors import LetheError
from storage.record import Record
from storage.store.objects import StoreUnavailable
from storage.tickets.events import Notice

log = structlog.get_logger("storage.retention")

ACTOR = "retention"
AT_ONCE = 100  # tickets that one call looks at; the next one goes on
DAY = 24 * 3600


def remove_photos(record: Record, ticket: str) -> bool:
    """Removes an ended ticket's photos and writes down that they are gone.

    False where that is left to the sweep: the store fails, or a worker that does not know yet may
    go on writing crops.
    """
    try:
        removed = record.photos.remove(ticket)
        if record.leases.held("ticket", ticket):
            return False
        record.tickets.note(
            ticket, Notice.PHOTOS_REMOVED, ACTOR, {"result": {"objects_removed": removed}}
        )
    except LetheError as error:
        log.warning("photos are left", ticket=ticket, error=type(error).__name__)
        return False
    return True


def remove_all_photos(record: Record) -> list[str]:
    """The tickets whose photos something kept from going before, and which are gone now."""
    ids = record.tickets.index.until(keys.PHOTOS, time.time(), AT_ONCE)
    return [ticket for ticket in ids if remove_photos(record, ticket)]


def overdue(record: Record) -> int:
    """Ended tickets whose photos should be gone by ``LETHE_PHOTO_REMOVAL_SECONDS``."""
    last = time.time() - record.settings.photo_removal_seconds
    return int(record.redis.zcount(keys.PHOTOS, "-inf", last))


def archive_old(record: Record) -> list[str]:
    """Ended tickets that are older than ``LETHE_RETENTION_DAYS`` leave the lists."""
    days = record.settings.retention_days
    if days is None:
        return []
    archived = []
    for ticket in record.tickets.index.until(keys.ENDED, time.time() - days * DAY, AT_ONCE):
        try:
            record.tickets.note(ticket, Notice.ARCHIVED, ACTOR)
        except StoreUnavailable:
            raise
        except LetheError as error:  # a chain that breaks keeps no other ticket in the lists
            log.error("not archived", ticket=ticket, error=type(error).__name__)
        else:
            archived.append(ticket)
    return archived
