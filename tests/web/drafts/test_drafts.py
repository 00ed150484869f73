"""Drafts: kept as they are written, their owner's alone, submitted once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from redis import Redis

from storage import names
from storage.accounts.users import Role
from storage.queue import Queue
from storage.record import Record
from storage.settings import Settings
from storage.tickets import strays
from storage.tickets.desk import Desk
from storage.tickets.drafts import NoSuchDraft
from storage.tickets.photos import Photo, manifest_of
from storage.tickets.registry import NoSuchTicket
from storage.tickets.request import LegalGround, Request
from storage.tickets.states import State
from tests.web.conftest import MODEL, SUBJECT, Visitor, jpeg
from tests.web.drafts.conftest import FIELDS, add, begun, filled, looked


@pytest.mark.usefixtures("model")
def test_a_draft_is_shown_again_as_it_was_left_after_signing_in_anew(
    rita: Visitor, visit: Callable[[Role], Visitor], record: Record
) -> None:
    draft = filled(rita)
    rita.post(f"/tickets/drafts/{draft}/fields", {**FIELDS, "subject": "DSR-9", "deadline": "soon"})
    record.redis.flushall()
    record.models.register(MODEL)  # as the next sweep does
    again = visit(Role.REQUESTER)
    page = again.get(f"/tickets/drafts/{draft}").text
    assert 'value="DSR-9"' in page
    assert 'value="soon"' in page
    assert f"<option selected>{MODEL}" in page
    for seed in range(4):
        assert f"IMG_{seed}.jpg" in page
    listed = again.get("/tickets/new").text
    assert f'href="/tickets/drafts/{draft}">DSR-9</a>' in listed
    assert "4 photos" in listed


@pytest.mark.usefixtures("model")
def test_a_submitted_draft_is_a_ticket_with_its_photos_and_no_draft_any_more(
    rita: Visitor, record: Record
) -> None:
    draft = filled(rita)
    answer = rita.post(f"/tickets/drafts/{draft}", FIELDS)
    assert answer.headers["Location"] == f"/tickets/{draft}"
    ticket = record.tickets.load(draft)
    assert (ticket.state, ticket.subject, ticket.photos) == (State.SUBMITTED, SUBJECT, 4)
    assert {photo.name: photo.data for photo in record.photos.all(draft)} == {
        f"IMG_{seed}.jpg": jpeg(seed) for seed in range(4)
    }
    left = list(record.objects.names("drafts/")) + list(record.objects.names("tickets/"))
    assert [name for name in left if "draft" in name or "look" in name] == []
    assert record.ledger.verify().broken == ()


@pytest.mark.usefixtures("model")
def test_a_draft_that_is_sent_twice_gives_the_same_ticket(rita: Visitor, record: Record) -> None:
    draft = filled(rita)
    answers = [rita.post(f"/tickets/drafts/{draft}", FIELDS) for _ in range(3)]
    assert [answer.headers["Location"] for answer in answers] == 3 * [f"/tickets/{draft}"]
    assert len(record.tickets.events(draft)) == 1
    assert rita.get(f"/tickets/drafts/{draft}").headers["Location"] == f"/tickets/{draft}"


@pytest.mark.usefixtures("model")
def test_a_draft_that_is_sent_and_changed_at_once_is_one_ticket_with_the_photos_it_names(
    rita: Visitor, record: Record, settings: Settings
) -> None:
    draft, desk = filled(rita), Desk(record, Queue(settings))
    deadline = datetime.now(UTC).date()
    request = Request(MODEL, SUBJECT, LegalGround.CONSENT_WITHDRAWN, deadline, 4)

    def add_late(seed: int) -> None:
        with suppress(NoSuchDraft):
            record.drafts.add(draft, "requester", [Photo(f"late-{seed}.jpg", jpeg(seed))])

    with ThreadPoolExecutor(6) as pool:
        late = [pool.submit(add_late, seed) for seed in range(20, 23)]
        sent = [pool.submit(desk.submit_draft, draft, request, "requester") for _ in range(3)]
        tickets = [one.result() for one in sent]
        for one in late:
            one.result()
    events = record.tickets.events(draft)
    assert len(events) == 1
    photos = record.photos.all(draft, manifest_of(events))
    assert {(ticket.id, ticket.photos) for ticket in tickets} == {(draft, len(photos))}


@pytest.mark.usefixtures("model")
def test_a_ticket_whose_id_was_chosen_before_is_accepted_once_and_is_its_sender_s_alone(
    record: Record, settings: Settings
) -> None:
    desk, ticket = Desk(record, Queue(settings)), names.new_ticket_id()
    ground, deadline = LegalGround.CONSENT_WITHDRAWN, datetime.now(UTC).date()
    request = Request(MODEL, SUBJECT, ground, deadline, 3)
    photos = [Photo(f"{seed}.jpg", jpeg(seed)) for seed in range(3)]
    first = desk.submit(request, photos, "rita", ticket)
    assert desk.submit(replace(request, subject="other"), photos[:1], "rita", ticket) == first
    assert first.id == ticket
    with pytest.raises(NoSuchTicket, match="there is none of this id"):
        desk.submit(request, photos, "mallory", ticket)


@pytest.mark.usefixtures("model")
def test_a_draft_is_nobody_else_s_whatever_their_role(
    rita: Visitor, visit: Callable[..., Visitor], record: Record
) -> None:
    draft = filled(rita)
    photo = record.drafts.get(draft, "requester").photos[0].sha256
    for role in (Role.ADMIN, Role.APPROVER, Role.REQUESTER):
        other = visit(role, f"mallory-{role}")
        path = f"/tickets/drafts/{draft}"
        answers = [
            other.get(path),
            other.get(f"{path}/photos"),
            other.post(f"{path}/fields", FIELDS),
            add(other, draft, {"mine.jpg": jpeg(9)}),
            other.post(f"{path}/person", {**FIELDS, "face_set": "a", "person": "b"}),
            other.post(f"{path}/photos/{photo}/remove"),
            other.post(path, FIELDS),
            other.post(f"{path}/discard"),
        ]
        assert [answer.status_code for answer in answers] == 8 * [404]
        assert not any("IMG_" in answer.text or SUBJECT in answer.text for answer in answers)
        assert draft not in other.get("/tickets/new").text
    assert len(record.drafts.get(draft, "requester").photos) == 4
    rita.post(f"/tickets/drafts/{draft}", FIELDS)
    thief = visit(Role.REQUESTER, "mallory-requester")
    assert thief.post(f"/tickets/drafts/{draft}", FIELDS).status_code == 404


@pytest.mark.usefixtures("model")
def test_a_discarded_draft_leaves_nothing(rita: Visitor, record: Record) -> None:
    draft = filled(rita)
    looked(record, draft, {})
    assert rita.post(f"/tickets/drafts/{draft}/discard").status_code == 303
    assert list(record.objects.names("tickets/")) == []
    assert list(record.objects.names("drafts/")) == []
    assert add(rita, draft, {"late.jpg": jpeg(8)}).status_code == 404
    looked(record, draft, {})
    assert list(record.objects.names("tickets/")) == []


@pytest.mark.usefixtures("model")
def test_a_draft_goes_with_the_sweep_once_nobody_touched_it_for_long_and_no_earlier(
    rita: Visitor, record: Record, settings: Settings
) -> None:
    draft = filled(rita)
    hasty = Record.open(settings.model_copy(update={"orphan_seconds": 0}))
    assert strays.walk(hasty).removed == ()
    assert record.ledger.verify().broken == ()
    late = Record.open(settings.model_copy(update={"draft_seconds": 0}))
    assert strays.walk(late).removed == (draft,)
    assert list(record.objects.names("tickets/")) + list(record.objects.names("drafts/")) == []
    with pytest.raises(NoSuchDraft):
        record.drafts.get(draft, "requester")


@pytest.mark.usefixtures("model")
def test_names_of_files_and_the_reference_are_neither_in_redis_nor_in_logs(
    rita: Visitor, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    draft = begun(rita)
    add(rita, draft, {"jane-doe-holiday.jpg": jpeg(1), "jane-doe-bad.jpg": b"no"})
    rita.get(f"/tickets/drafts/{draft}/photos")
    rita.post(f"/tickets/drafts/{draft}", FIELDS)
    rita.post(f"/tickets/drafts/{draft}/discard")
    redis = Redis.from_url(settings.redis_url)
    kept = [redis.dump(key) or b"" for key in redis.scan_iter()]  # short strings lie there as such
    out = "".join(capfd.readouterr()).encode() + b"".join(kept)
    assert b"draft_discarded" in out
    for secret in (b"jane-doe", SUBJECT.encode()):
        assert secret not in out


@pytest.mark.usefixtures("model")
def test_a_file_s_name_is_shown_as_text(rita: Visitor) -> None:
    draft = begun(rita)
    add(rita, draft, {"<img src=x onerror=alert(1)>.jpg": jpeg(1)})
    page = rita.get(f"/tickets/drafts/{draft}").text
    assert "<img src=x" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;.jpg") >= 2


@pytest.mark.usefixtures("model")
def test_too_few_photos_and_bad_fields_keep_the_draft_and_say_so(
    rita: Visitor, record: Record
) -> None:
    draft = filled(rita, 2)
    answer = rita.post(f"/tickets/drafts/{draft}", FIELDS)
    assert answer.status_code == 422
    assert "2 photos: at least 3 different ones are needed" in answer.text
    answer = rita.post(f"/tickets/drafts/{draft}", {**FIELDS, "subject": "Jane Doe"})
    assert answer.status_code == 422
    assert "not the person&#39;s name" in answer.text
    assert "IMG_0.jpg" in answer.text
    assert len(record.drafts.get(draft, "requester").photos) == 2
