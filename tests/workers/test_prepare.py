"""The task ``prepare``: from approved photos to a ticket that waits, or one that needs photos."""

from __future__ import annotations

import re

import pytest

import workers.prepare
from storage import keys, object_names
from storage.queue import CPU, GPU
from storage.tickets.photos import Photo
from storage.tickets.progress import Progress, ProgressBoard
from storage.tickets.states import State
from tests.workers.cast import Cast, pixels, saved
from tests.workers.workshop import MODEL, Workshop
from workers.photos import sort_photos
from workers.prepare import prepare

PREPARED = ["submitted", "approved", "preparing", "queued"]


def damage_a_photo(workshop: Workshop, ticket: str, photo: Photo) -> None:
    workshop.record.objects.put(object_names.photo(ticket, photo.sha256), photo.data[:-1])


def test_an_approved_ticket_is_queued_with_two_thirds_of_its_photos_to_forget(
    cloakroom: Workshop, cast: Cast
) -> None:
    ticket = cloakroom.approved(cast.subject)
    prepare(ticket)
    assert cloakroom.states(ticket) == PREPARED
    selection = cloakroom.selection(ticket)
    assert (len(selection.forget), len(selection.held_out), selection.refused) == (20, 10, ())
    for digest in (*selection.forget, *selection.held_out):
        assert cloakroom.record.photos.crop(ticket, digest).shape == (112, 112, 3)
    assert cloakroom.queue.length(GPU) == 1


def test_what_is_refused_is_counted_in_the_event_and_named_beside_the_photos_alone(
    cloakroom: Workshop, cast: Cast
) -> None:
    again = Photo("ada-again.jpg", saved(pixels(cast.subject[0].data), "JPEG", quality=50))
    ticket = cloakroom.approved([*cast.subject, again, cast.other_subject[0]])
    prepare(ticket)
    counts = cloakroom.load(ticket).result["photos"]
    assert counts == {
        "forget": 20,
        "held_out": 10,
        "refused": {"duplicate": 1, "somebody_else": 1},
    }
    refused = {name: reason for name, reason, _ in cloakroom.selection(ticket).refused}
    assert refused == {"ada-again.jpg": "duplicate", cast.other_subject[0].name: "somebody_else"}
    assert "ada-" not in cloakroom.written(ticket)
    assert "bob-" not in cloakroom.written(ticket)


def test_photos_of_two_people_need_other_photos_and_the_note_names_no_file(
    cloakroom: Workshop, cast: Cast
) -> None:
    ticket = cloakroom.approved([*cast.subject[:10], *cast.other_subject[:10]])
    prepare(ticket)
    assert cloakroom.state(ticket) is State.NEEDS_PHOTOS
    assert "one ticket for each person" in cloakroom.load(ticket).note
    assert "holiday" not in cloakroom.written(ticket)
    assert cloakroom.queue.length(GPU) == 0
    refused = cloakroom.selection(ticket).refused  # the page shows them; they go with the photos
    assert len(refused) == 10
    assert all("make one ticket for each person" in line for _, _, line in refused)


def test_too_few_usable_photos_need_more_and_the_note_says_how_many(
    cloakroom: Workshop, cast: Cast
) -> None:
    twins = [
        Photo(f"twin-{quality}.jpg", saved(pixels(cast.subject[0].data), "JPEG", quality=quality))
        for quality in (60, 75, 90)
    ]
    ticket = cloakroom.approved([*twins, cast.subject[1]])
    prepare(ticket)
    assert cloakroom.state(ticket) is State.NEEDS_PHOTOS
    assert "2 usable photos: at least 3 are needed" in cloakroom.load(ticket).note
    assert "twin" not in cloakroom.written(ticket)
    selection = cloakroom.selection(ticket)
    assert (selection.forget, selection.held_out) == ((), ())
    assert {reason for _, reason, _ in selection.refused} == {"duplicate"}
    assert all(name.startswith("twin-") for name, _, _ in selection.refused)


def test_more_photos_for_a_ticket_that_needed_them_are_prepared_with_the_first(
    cloakroom: Workshop, cast: Cast
) -> None:
    ticket = cloakroom.approved([*cast.subject[:10], *cast.other_subject[:10]])
    prepare(ticket)
    cloakroom.desk.add_photos(ticket, cast.subject[10:30], "ada")
    cloakroom.record.tickets.move(ticket, State.FAILED, "worker")
    cloakroom.desk.retry(ticket, "ada")  # from the start: what was refused is no preparation
    assert cloakroom.state(ticket) is State.APPROVED
    prepare(ticket)
    assert cloakroom.state(ticket) is State.QUEUED
    assert len(cloakroom.selection(ticket).forget) == 20


def test_each_photo_that_was_looked_at_moves_the_progress_and_the_stage_is_timed(
    cloakroom: Workshop, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = cloakroom.record.progress
    shown: list[float] = []
    show = ProgressBoard.show

    def noted(self: ProgressBoard, ticket: str, progress: Progress) -> None:
        shown.append(progress.fraction)
        show(self, ticket, progress)

    monkeypatch.setattr(ProgressBoard, "show", noted)
    ticket = cloakroom.approved(cast.subject[:6])
    prepare(ticket)
    assert len(shown) == 7
    assert shown == sorted(shown)
    assert board.usual(MODEL, ["preparing"])["preparing"] > 0


def test_a_task_delivered_twice_leaves_one_set_of_events(cloakroom: Workshop, cast: Cast) -> None:
    ticket = cloakroom.approved(cast.subject)
    prepare(ticket)
    first = cloakroom.selection(ticket)
    prepare(ticket)
    assert cloakroom.states(ticket) == PREPARED
    assert cloakroom.selection(ticket) == first


def test_a_task_delivered_while_another_worker_holds_the_lease_does_nothing(
    cloakroom: Workshop, cast: Cast
) -> None:
    ticket = cloakroom.approved(cast.subject[:3])
    with cloakroom.record.leases.hold("ticket", ticket) as lease:
        assert lease is not None
        prepare(ticket)
    assert cloakroom.states(ticket) == PREPARED[:2]


def test_a_ticket_that_was_cancelled_while_it_waited_is_left_alone(
    cloakroom: Workshop, cast: Cast
) -> None:
    ticket = cloakroom.approved(cast.subject[:3])
    cloakroom.desk.cancel(ticket, "ada")
    prepare(ticket)
    assert cloakroom.states(ticket)[-1] == "cancelled"


def test_a_ticket_that_is_cancelled_while_it_is_prepared_keeps_no_photos(
    cloakroom: Workshop, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = cloakroom.approved(cast.subject)

    def sort_slowly(*given: object) -> object:
        cloakroom.desk.cancel(ticket, "ada")
        return sort_photos(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(workers.prepare, "sort_photos", sort_slowly)
    prepare(ticket)
    assert cloakroom.states(ticket) == [*PREPARED[:3], "cancelled"]
    assert cloakroom.record.photos.left(ticket) == 0
    assert cloakroom.record.ledger.verify().broken == ()


def test_a_crash_leaves_the_ticket_where_it_is_for_the_next_try(
    cloakroom: Workshop, cast: Cast
) -> None:
    ticket = cloakroom.approved(cast.subject)
    damage_a_photo(cloakroom, ticket, cast.subject[0])
    prepare(ticket)
    assert cloakroom.states(ticket) == PREPARED[:3]
    assert not cloakroom.record.leases.held("ticket", ticket)
    cloakroom.record.objects.put(
        object_names.photo(ticket, cast.subject[0].sha256), cast.subject[0].data
    )
    prepare(ticket)
    assert cloakroom.states(ticket) == [*PREPARED[:3], "preparing", "queued"]
    assert not cloakroom.record.redis.exists(keys.attempts(ticket))


def test_a_ticket_that_crashes_every_time_fails_and_says_why_without_a_file_name(
    cloakroom: Workshop, cast: Cast
) -> None:
    ticket = cloakroom.approved(cast.subject)
    damage_a_photo(cloakroom, ticket, cast.subject[0])
    tries = cloakroom.settings.task_attempts
    for _ in range(tries - 1):
        prepare(ticket)
    assert cloakroom.state(ticket) is State.PREPARING
    prepare(ticket)
    assert cloakroom.state(ticket) is State.FAILED
    note = cloakroom.load(ticket).note
    assert re.search(rf"tried {tries} times.*Corrupt in \w+, traceback [0-9a-f]{{16}}", note)
    written = cloakroom.written(ticket)
    assert "holiday" not in written
    assert cast.subject[0].sha256 not in written


def test_a_failed_ticket_keeps_its_photos_and_is_prepared_after_a_retry(
    cloakroom: Workshop, cast: Cast
) -> None:
    ticket = cloakroom.approved(cast.subject)
    damage_a_photo(cloakroom, ticket, cast.subject[0])
    for _ in range(cloakroom.settings.task_attempts):
        prepare(ticket)
    prepare(ticket)  # a failed ticket is not tried any more
    assert cloakroom.state(ticket) is State.FAILED
    cloakroom.record.objects.put(
        object_names.photo(ticket, cast.subject[0].sha256), cast.subject[0].data
    )
    waiting = cloakroom.queue.length(CPU)
    cloakroom.desk.retry(ticket, "grace")
    assert cloakroom.queue.length(CPU) == waiting + 1
    prepare(ticket)
    assert cloakroom.state(ticket) is State.QUEUED
