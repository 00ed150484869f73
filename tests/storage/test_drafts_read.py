"""Drafts are read while they are written over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from storage import object_names
from storage.canonical import Corrupt
from storage.models.registry import Version
from storage.record import Record
from storage.tickets.desk import Desk
from storage.tickets.draft import DraftPhoto
from tests.storage.conftest import request_for


def test_a_draft_is_read_whole_while_it_is_written_over(record: Record) -> None:
    drafts = record.drafts
    begun = drafts.begin("ada", {"model": "door-cameras"})
    photos = tuple(DraftPhoto(f"{at}.jpg", f"{at:064x}", 1) for at in range(150))
    done = threading.Event()

    working: list[Future[None]] = []

    def write() -> None:
        for at in range(60):  # a document that grows and shrinks, as photos come and go
            with drafts._changing(begun.ticket, "ada") as draft:
                drafts._write(replace(draft, photos=photos[: 150 * (at % 2)]))
        done.set()

    def read() -> None:
        while not done.is_set():
            found.add(len(drafts.get(begun.ticket, "ada").photos))

    found = {0}
    with ThreadPoolExecutor() as pool:
        for doing in [pool.submit(write), *(pool.submit(read) for _ in range(4))]:
            doing.add_done_callback(lambda _: done.set())
            working.append(doing)
    for doing in working:
        doing.result()
    assert found == {0, 150}


def test_a_damaged_draft_that_is_submitted_is_refused_and_holds_nobody_up(
    record: Record, desk: Desk, publish: Callable[..., Version]
) -> None:
    publish()
    draft = record.drafts.begin("ada", {"model": "door-cameras"})
    record.objects.put_document(object_names.draft(draft.ticket), {"owner": "ada"})
    refused: list[Corrupt] = []

    def submit() -> None:
        with pytest.raises(Corrupt, match="not a draft") as error:
            desk.submit_draft(draft.ticket, request_for(), "ada")
        refused.append(error.value)

    sending = threading.Thread(target=submit, daemon=True)  # it held its own lock up for good once
    sending.start()
    sending.join(10.0)
    assert len(refused) == 1
