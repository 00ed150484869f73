"""What people do with tickets, and what is left of the photos afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storage.canonical import Corrupt
from storage.errors import BadInput
from storage.models.desk import ModelDesk
from storage.models.registry import NoSuchModel, Version
from storage.names import BadName
from storage.queue import CPU, GPU, Queue
from storage.record import Record
from storage.settings import Settings
from storage.tickets.desk import BadPhotos, Desk
from storage.tickets.photos import Photo, Selection, manifest_of
from storage.tickets.states import BadTransition, State
from storage.tickets.ticket import Ticket
from tests.storage import pictures
from tests.storage.conftest import MODEL, PATH, SUBJECT, request_for
from tests.storage.pictures import photos


@pytest.fixture
def ticket(desk: Desk, publish: Callable[..., Version]) -> Ticket:
    publish()
    return desk.submit(request_for(), photos(3), "ada")


def _waiting(record: Record) -> tuple[int, int]:
    queue = Queue(record.settings)
    return queue.length(CPU), queue.length(GPU)


def _move(record: Record, ticket: Ticket, *states: State) -> None:
    for state in states:
        record.tickets.move(ticket.id, state, "worker")


def test_a_submitted_ticket_and_its_photos_are_in_the_record(record: Record, ticket: Ticket):
    record.redis.flushall()
    assert record.tickets.get(ticket.id).state is State.SUBMITTED
    assert record.photos.all(ticket.id) == photos(3)
    assert record.ledger.verify().broken == ()


def test_submitting_alone_starts_no_work(record: Record, ticket: Ticket):
    assert ticket.state is State.SUBMITTED
    assert _waiting(record) == (0, 0)


def test_the_events_name_no_photo_only_the_digest_of_the_salted_list(
    record: Record, ticket: Ticket
):
    (event,) = record.tickets.events(ticket.id)
    text = record.objects.get(event.name).decode()
    for photo in photos(3):
        assert photo.name not in text
        assert photo.sha256 not in text
    assert len(event.data["manifest"]) == 64


def test_nothing_in_redis_holds_a_photo_or_its_name(record: Record, desk: Desk, ticket: Ticket):
    desk.approve(ticket.id, "grace")
    for key in record.redis.scan_iter():
        dumped = _dump(record, key)
        for photo in photos(3):
            assert photo.name.encode() not in dumped
            assert photo.sha256.encode() not in dumped


def _dump(record: Record, key: str) -> bytes:
    """A key's name and all that it holds."""
    kind, redis = record.redis.type(key), record.redis
    held = {
        "string": lambda: redis.get(key),
        "list": lambda: redis.lrange(key, 0, -1),
        "set": lambda: redis.smembers(key),
        "zset": lambda: redis.zrange(key, 0, -1),
        "hash": lambda: redis.hgetall(key),
    }[kind]()
    return f"{key} {held}".encode()


def test_approving_sends_the_ticket_to_be_prepared(record: Record, desk: Desk, ticket: Ticket):
    moved = desk.approve(ticket.id, "grace", "checked the passport")
    assert (moved.state, moved.note) == (State.APPROVED, "checked the passport")
    assert record.tickets.events(ticket.id)[-1].actor == "grace"
    assert _waiting(record) == (1, 0)
    assert record.photos.left(ticket.id) == 4


def test_denying_says_why_and_removes_the_photos(record: Record, desk: Desk, ticket: Ticket):
    moved = desk.deny(ticket.id, "grace", "not the same person")
    assert (moved.state, moved.note) == (State.DENIED, "not the same person")
    assert record.photos.left(ticket.id) == 0
    assert record.ledger.verify().broken == ()


@pytest.mark.parametrize("steps", range(6))
def test_cancelling_at_any_stage_before_publishing_removes_the_photos(
    record: Record, desk: Desk, ticket: Ticket, steps: int
):
    _move(record, ticket, *PATH[:steps])
    record.photos.keep_selection(ticket.id, Selection((), (), ()))
    assert desk.cancel(ticket.id, "ada").state is State.CANCELLED
    assert record.photos.left(ticket.id) == 0
    assert record.ledger.verify().broken == ()


def test_a_refused_decision_leaves_the_photos(record: Record, desk: Desk, ticket: Ticket):
    _move(record, ticket, *PATH[:6])
    for decide in (
        lambda: desk.cancel(ticket.id, "ada"),
        lambda: desk.deny(ticket.id, "ada", "no"),
        lambda: desk.approve(ticket.id, "ada"),
    ):
        with pytest.raises(BadTransition):
            decide()
    assert record.photos.left(ticket.id) == 4


def test_retrying_a_prepared_ticket_goes_on_with_the_erasure(
    record: Record, desk: Desk, ticket: Ticket
):
    record.photos.keep_selection(ticket.id, Selection(("a",), ("b",), ()))
    _move(record, ticket, State.APPROVED, State.PREPARING, State.QUEUED, State.FAILED)
    record.redis.set(f"lethe:attempts:{ticket.id}", 5)
    assert desk.retry(ticket.id, "ada").state is State.QUEUED
    assert not record.redis.exists(f"lethe:attempts:{ticket.id}")
    assert _waiting(record) == (0, 1)


def test_retrying_an_unprepared_ticket_prepares_it_again(
    record: Record, desk: Desk, ticket: Ticket
):
    _move(record, ticket, State.APPROVED, State.PREPARING, State.FAILED)
    assert desk.retry(ticket.id, "ada").state is State.APPROVED
    assert _waiting(record) == (1, 0)


def test_retrying_a_refused_certificate_makes_the_run_again(
    record: Record, desk: Desk, ticket: Ticket
):
    record.photos.keep_selection(ticket.id, Selection(("a",), ("b",), ()))
    _move(record, ticket, *PATH[:5], State.NEEDS_REVIEW)
    assert desk.retry(ticket.id, "ada").state is State.QUEUED


@pytest.mark.parametrize("steps", range(6))
def test_retrying_what_has_not_failed_is_refused_and_approves_nothing(
    record: Record, desk: Desk, ticket: Ticket, steps: int
):
    _move(record, ticket, *PATH[:steps])
    record.redis.set(f"lethe:attempts:{ticket.id}", 3)
    for selection in (None, Selection(("a",), ("b",), ())):
        if selection:
            record.photos.keep_selection(ticket.id, selection)
        with pytest.raises(BadTransition, match=ticket.id):
            desk.retry(ticket.id, "ada")
    assert record.tickets.load(ticket.id).state is (State.SUBMITTED, *PATH)[steps]
    assert record.redis.get(f"lethe:attempts:{ticket.id}") == "3"
    assert _waiting(record) == (0, 0)


def test_a_failure_before_approval_is_not_approved_by_retrying(
    record: Record, desk: Desk, ticket: Ticket
):
    _move(record, ticket, State.FAILED)
    with pytest.raises(BadTransition, match=r"approve"):
        desk.retry(ticket.id, "ada")


@pytest.mark.parametrize("given", [0, 1, 2])
def test_fewer_than_three_photos_are_refused(
    record: Record, desk: Desk, publish: Callable[..., Version], given: int
):
    publish()
    with pytest.raises(BadPhotos, match=f"{given} photos: at least 3 different ones"):
        desk.submit(request_for(), photos(given), "ada")
    assert record.tickets.recorded() == []


def test_the_same_photo_under_three_names_is_one_photo(
    record: Record, desk: Desk, publish: Callable[..., Version]
):
    publish()
    same = [Photo(f"{number}.jpg", photos(1)[0].data) for number in range(3)]
    with pytest.raises(BadPhotos, match="at least 3 different ones"):
        desk.submit(request_for(), same, "ada")
    assert record.tickets.recorded() == []


def test_every_bad_photo_is_named_at_once_and_nothing_is_kept(
    record: Record, desk: Desk, publish: Callable[..., Version]
):
    publish()
    bad = {
        "notes.jpg": b"not a picture",
        "half.jpg": photos(1)[0].data[:400],
        "bomb.png": pictures.png_bomb(),
        "moving.webp": pictures.animated("WEBP"),
    }
    given = photos(3) + [Photo(name, data) for name, data in bad.items()]
    with pytest.raises(BadPhotos) as error:
        desk.submit(request_for(), given, "ada")
    assert [line.split(":")[0] for line in error.value.lines] == list(bad)
    assert list(record.objects.names("tickets/")) == []


def test_a_request_with_a_bad_name_or_no_model_keeps_no_photo(
    record: Record, desk: Desk, publish: Callable[..., Version]
):
    publish()
    for given, error in (
        (request_for(model="none"), NoSuchModel),
        (request_for(model="../door"), BadName),
        (request_for(model="door-cameras@1"), BadName),
        (request_for(subject="Jane Doe"), BadName),
        (request_for(subject=f"{SUBJECT}/x"), BadName),
    ):
        with pytest.raises(error):
            desk.submit(given, photos(3), "ada")
    assert list(record.objects.names("tickets/")) == []


def test_too_many_photos_are_refused_and_none_is_kept(
    record: Record, settings: Settings, publish: Callable[..., Version]
):
    publish()
    small = Record.open(settings.model_copy(update={"photos_per_ticket": 4}))
    with pytest.raises(BadInput, match="5 photos: at most 4 a ticket"):
        Desk(small, Queue(settings)).submit(request_for(), photos(5), "ada")
    assert list(record.objects.names("tickets/")) == []


@pytest.fixture
def short_of_photos(record: Record, ticket: Ticket) -> Ticket:
    _move(record, ticket, State.APPROVED, State.PREPARING, State.NEEDS_PHOTOS)
    return ticket


def test_more_photos_join_those_that_are_there_and_the_work_goes_on(
    record: Record, desk: Desk, short_of_photos: Ticket
):
    moved = desk.add_photos(short_of_photos.id, photos(5), "ada")
    assert (moved.state, moved.photos) == (State.APPROVED, 5)
    events = record.tickets.events(moved.id)
    assert record.photos.all(moved.id, manifest_of(events)) == photos(5)
    assert events[-1].data["manifest"] != events[0].data["manifest"]
    assert _waiting(record) == (1, 0)
    assert record.ledger.verify().broken == ()


def test_photos_that_are_there_already_or_are_none_are_refused_and_nothing_changes(
    record: Record, desk: Desk, short_of_photos: Ticket
):
    before = list(record.objects.names("tickets/"))
    for given, words in ((photos(3), "already"), ([Photo("a.jpg", b"no picture")], "a.jpg")):
        with pytest.raises(BadPhotos, match=words):
            desk.add_photos(short_of_photos.id, given, "ada")
    assert list(record.objects.names("tickets/")) == before
    assert _waiting(record) == (0, 0)


def test_a_ticket_that_needs_no_photos_takes_none(desk: Desk, ticket: Ticket):
    with pytest.raises(BadTransition, match="needs no photos"):
        desk.add_photos(ticket.id, photos(5), "ada")


def test_a_list_of_photos_that_is_not_the_one_of_the_events_is_refused(
    record: Record, ticket: Ticket
):
    record.photos.keep(ticket.id, photos(2))  # somebody took one out, and listed the others anew
    with pytest.raises(Corrupt, match=r"manifest\.json"):
        record.photos.all(ticket.id, manifest_of(record.tickets.events(ticket.id)))


def test_a_model_whose_policy_approves_has_its_tickets_approved_when_they_come(
    record: Record, desk: Desk, publish: Callable[..., Version]
):
    publish()
    ModelDesk(record).settle(MODEL, "grace", approval="automatic")
    ticket = desk.submit(request_for(), photos(3), "ada")
    events = record.tickets.events(ticket.id)
    assert [(event.state, event.actor) for event in events] == [
        (State.SUBMITTED, "ada"),
        (State.APPROVED, "policy"),
    ]
    assert _waiting(record) == (1, 0)
