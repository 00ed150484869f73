"""What every page reaches: the record, the queue and the desk that moves tickets."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app

from storage.queue import Queue
from storage.record import Record
from storage.settings import Settings
from storage.tickets.desk import Desk

_NAME = "lethe"


@dataclass(frozen=True)
class Services:
    record: Record
    queue: Queue
    desk: Desk


def install(app: Flask, settings: Settings) -> None:
    """Connects the application to the object store and to Redis.

    Raises:
        StoreRefused, StoreUnavailable, QueueUnavailable
    """
    record, queue = Record.open(settings), Queue(settings)
    app.extensions[_NAME] = Services(record, queue, Desk(record, queue))


def services() -> Services:
    found: Services = current_app.extensions[_NAME]
    return found


def record() -> Record:
    return services().record
