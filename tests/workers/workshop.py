"""A workshop: a record with a model and face sets, tickets that wait in it, and its own workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import storage.settings
import workers.app
import workers.erase
from storage import object_names
from storage.certificates.issued import write_new_key
from storage.queue import Queue
from storage.record import Record
from storage.settings import Settings
from storage.tickets.desk import Desk
from storage.tickets.photos import Photo, Selection
from storage.tickets.request import LegalGround, Request
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.workers.cast import RECOGNISER
from tests.workers.lines import add_line
from workers.prepare import prepare

MODEL = "door-cameras"
SUBJECT = "DSR-2026-0142"


@dataclass(frozen=True)
class Workshop:
    settings: Settings
    record: Record
    queue: Queue
    desk: Desk

    @classmethod
    def open(cls, settings: Settings) -> Workshop:
        record, queue = Record.open(settings), Queue(settings)
        return cls(settings, record, queue, Desk(record, queue))

    def add_model(
        self,
        reference: Mapping[str, Sequence[bytes]],
        benchmark: Mapping[str, Sequence[bytes]],
        recogniser: Path = RECOGNISER,
    ) -> None:
        self.record.faces.add("reference", reference)
        self.record.faces.add("benchmark", benchmark)
        add_line(self.record, MODEL, recogniser)

    def name_face_sets(self, reference: str, benchmark: str, *verification: str) -> None:
        """The model has other face sets from now on."""
        document = {
            "name": MODEL,
            "reference_faces": reference,
            "benchmark_faces": benchmark,
            "verification": list(verification),
        }
        self.record.objects.put_document(object_names.model(MODEL), document)

    def approved(self, photos: Sequence[Photo], subject: str = SUBJECT) -> str:
        """The id of a ticket that was submitted and approved at the desk."""
        ground, deadline = LegalGround.CONSENT_WITHDRAWN, date(2030, 1, 31)
        request = Request(MODEL, subject, ground, deadline, len(photos))
        ticket = self.desk.submit(request, photos, "ada").id
        self.desk.approve(ticket, "grace")
        return ticket

    def queued(self, photos: Sequence[Photo], subject: str = SUBJECT) -> str:
        """The id of a ticket whose photos are prepared."""
        ticket = self.approved(photos, subject)
        prepare(ticket)
        assert self.state(ticket) is State.QUEUED
        return ticket

    def selection(self, ticket: str) -> Selection:
        found = self.record.photos.selection(ticket)
        assert found is not None
        return found

    def load(self, ticket: str) -> Ticket:
        return self.record.tickets.load(ticket)

    def state(self, ticket: str) -> State:
        return self.load(ticket).state

    def states(self, ticket: str) -> list[str]:
        return [str(event.state) for event in self.record.tickets.events(ticket)]

    def written(self, ticket: str) -> str:
        """All events of a ticket, as they lie in the store."""
        folder = f"tickets/{ticket}/events/"
        names = self.record.objects.names(folder)
        return "\n".join(self.record.objects.get(name).decode() for name in names)


def environment(settings: Settings) -> dict[str, str]:
    """The variables from which a worker reads these settings."""
    given: dict[str, Any] = {
        "LETHE_REDIS_URL": settings.redis_url,
        "LETHE_S3_ENDPOINT": settings.s3_endpoint,
        "LETHE_S3_ACCESS_KEY": settings.s3_access_key,
        "LETHE_S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
        "LETHE_S3_BUCKET": settings.s3_bucket,
        "LETHE_SIGNING_KEY_FILE": settings.signing_key_file,
        "LETHE_CACHE_DIR": settings.cache_dir,
        "LETHE_POLICY": settings.policy,
        "LETHE_TASK_ATTEMPTS": settings.task_attempts,
        "LETHE_SWEEP_SECONDS": settings.sweep_seconds,
        "LETHE_SHARD_FACES": settings.shard_faces,
    }
    return {name: str(value) for name, value in given.items()}


@contextmanager
def opened(settings: Settings) -> Iterator[Workshop]:
    """The tasks of this process work on the record of ``settings``."""
    key = settings.signing_key_file
    assert key is not None
    write_new_key(key)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(settings).items():
            patch.setenv(name, value)
        forget_connections()
        yield Workshop.open(settings)
    forget_connections()


def forget_connections() -> None:
    storage.settings.settings.cache_clear()
    workers.erase.policy.cache_clear()
    workers.app.record.cache_clear()
    workers.app.outbox.cache_clear()
