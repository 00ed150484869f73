"""What a submission asks of the object store: each request is a millisecond that somebody waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from storage.models.registry import Model, NoSuchModel, Version
from storage.queue import Queue
from storage.record import Record
from storage.settings import Settings
from storage.store.connections import Connections
from storage.tickets.desk import Desk
from storage.tickets.idempotency import Idempotency
from storage.tickets.ticket import Ticket
from tests.storage.conftest import MODEL, request_for

PHOTOS = [b"one", b"two", b"three", b"four"]


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """So many were sent, by method."""
    sent: Counter[str] = Counter()
    send = Connections.urlopen

    def counted(self: Connections, method: str, url: str, **given: Any) -> Any:
        sent[method] += 1
        return send(self, method, url, **given)

    monkeypatch.setattr(Connections, "urlopen", counted)
    return sent


def submit(record: Record, settings: Settings, key: str) -> Ticket:
    desk = Desk(record, Queue(settings))
    with Idempotency(record.redis).attempt("ada", key, "a") as attempt:
        return desk.submit_enrolled(
            request_for(), "staff", "anna", "ada", attempt.ticket, attempt.is_first
        )


@pytest.fixture
def enrolled(record: Record, publish: Callable[..., Version]) -> None:
    publish()
    for use in ("reference", "benchmark"):
        record.faces.add(use, {"carla": [use.encode()]})
    record.faces.add("staff", {"anna": PHOTOS})


@pytest.mark.usefixtures("enrolled")
def test_a_submission_reads_and_writes_each_photo_and_asks_for_little_else(
    record: Record, settings: Settings, requests: Counter[str]
):
    submit(record, settings, "first")  # reads the face sets and the model
    requests.clear()
    ticket = submit(record, settings, "second")
    # The model's policy; the list of the photos; the event, around which it is looked whose it is.
    assert requests == {"GET": len(PHOTOS) + 1, "PUT": len(PHOTOS) + 2, "HEAD": 2}
    assert {photo.data for photo in record.photos.all(ticket.id)} == set(PHOTOS)
    assert record.ledger.verify().broken == ()


@pytest.mark.usefixtures("enrolled")
def test_what_is_sent_again_is_looked_for_and_found(
    record: Record, settings: Settings, requests: Counter[str]
):
    ticket = submit(record, settings, "k")
    (place,) = record.redis.keys("lethe:idempotency:*")
    kept = str(record.redis.get(place)).replace('"done": true', '"done": false')
    record.redis.set(place, kept)  # as a process leaves it that dies after the event
    requests.clear()
    assert submit(record, settings, "k") == ticket
    assert requests["PUT"] == 0
    assert len(record.tickets.events(ticket.id)) == 1


def test_a_model_without_a_version_is_asked_for_again_until_it_has_one(
    record: Record, publish: Callable[..., Version], requests: Counter[str]
):
    record.models.create(Model(MODEL, "reference", "benchmark"))
    for _ in range(2):
        with pytest.raises(NoSuchModel, match="no alias 'current'"):
            record.known_models.check_current(MODEL)
    publish()
    record.known_models.check_current(MODEL)
    requests.clear()
    record.known_models.check_current(MODEL)
    assert not requests
