"""Tickets' events for pages: read from the record once, and again only where it changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from storage import names, object_names
from storage.canonical import sha256
from storage.store.objects import ObjectStore
from storage.tickets.events import Event, chained
from storage.tickets.registry import NoSuchTicket

MOST_BYTES = 8 * 1024 * 1024  # of events as they are stored; in memory they are some times larger


@dataclass(frozen=True)
class _Read:
    event: Event
    digest: str
    size: int  # bytes


class History:
    """The names of events are asked for each time, each with its ETag.

    What was read under both stays true: an object that is written again has another ETag.
    """

    def __init__(self, objects: ObjectStore, most_bytes: int = MOST_BYTES) -> None:
        self._objects = objects
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], _Read] = OrderedDict()  # the last used at the end
        self._bytes = 0

    def events(self, ticket: str) -> list[Event]:
        """All events of a ticket, their chain checked.

        Raises:
            NoSuchTicket
            Corrupt: an event is missing, altered or doubled.
        """
        etags = self._objects.etags(object_names.events(names.ticket_id(ticket)))
        if not etags:
            raise NoSuchTicket(f"ticket {ticket}: there is none of this id")
        found = ((name, self._read(name, etags[name])) for name in sorted(etags))
        return chained((name, read.event, read.digest) for name, read in found)

    def _read(self, name: str, etag: str) -> _Read:
        key = (name, etag)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        data = self._objects.get(name)
        read = _Read(Event.parse(data, name), sha256(data), len(data))
        if etag:  # a store that gives none is asked each time
            self._keep(key, read)
        return read

    def _keep(self, key: tuple[str, str], read: _Read) -> None:
        with self._lock:
            if key in self._kept:
                return  # another request read it meanwhile
            self._kept[key] = read
            self._bytes += read.size
            while self._bytes > self._most_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.size
