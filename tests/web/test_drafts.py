"""Drafts: kept as they are written, their owner's alone, submitted once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from werkzeug.test import TestResponse

from storage import keys, names, strays
from storage.desk import Desk
from storage.draft import USABLE, Look
from storage.drafts import NoSuchDraft
from storage.errors import BadInput
from storage.models import Model
from storage.photos import Photo, manifest_of
from storage.queue import CPU, Queue
from storage.record import Record
from storage.request import LegalGround, Request
from storage.settings import Settings
from storage.states import State
from storage.tickets import NoSuchTicket
from storage.users import Role
from tests.storage.packing import zipped
from tests.web.conftest import MODEL, SUBJECT, Visitor, jpeg

DEADLINE = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
FIELDS = {
    "model": MODEL,
    "subject": SUBJECT,
    "legal_ground": "gdpr-17-1-b",
    "deadline": DEADLINE,
}


@pytest.fixture
def rita(visit: Callable[[Role], Visitor]) -> Visitor:
    return visit(Role.REQUESTER)


def begun(visitor: Visitor, **fields: str) -> str:
    answer = visitor.post("/tickets/drafts", {**FIELDS, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["draft"])


def add(visitor: Visitor, draft: str, photos: Mapping[str, bytes]) -> TestResponse:
    files = [(io.BytesIO(data), name) for name, data in photos.items()]
    return visitor.post(f"/tickets/drafts/{draft}/photos", {"photos": files})


def filled(visitor: Visitor, photos: int = 4) -> str:
    draft = begun(visitor)
    added = add(visitor, draft, {f"IMG_{seed}.jpg": jpeg(seed) for seed in range(photos)})
    assert added.status_code == 200, added.text
    return draft


def alive(record: Record, value: str = "0") -> None:
    """A worker says that it is there."""
    record.redis.set(keys.worker("cpu@here"), value, ex=30)


def looked(record: Record, draft: str, answers: Mapping[str, str], **more: Any) -> None:
    record.drafts.keep_look(draft, Look(MODEL, answers, tuple(answers), **more))


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
def test_each_file_that_cannot_be_used_is_refused_by_name_and_the_others_are_kept(
    rita: Visitor, record: Record
) -> None:
    draft = begun(rita)
    packed = zipped({"in/a.jpg": jpeg(1), "in/b.jpg": jpeg(2), "in/c.jpg": b"no picture"})
    given = {"photos.zip": packed, "half.jpg": jpeg(3)[:-400], "a again.jpg": jpeg(1)}
    answer = add(rita, draft, given).get_json()
    assert [photo["name"] for photo in answer["photos"]] == ["a.jpg", "b.jpg"]
    assert {item["name"]: item["text"] for item in answer["not_taken"]} == {
        "c.jpg": "Not a picture that can be read; give JPEG, PNG or WebP.",
        "half.jpg": "The file breaks off or is damaged; copy it again.",
        "a again.jpg": "The same picture as another one here; each counts once.",
    }
    assert len(record.drafts.get(draft, "requester").photos) == 2
    refused = add(rita, draft, {"bad.zip": b"no archive"}).get_json()
    (line,) = refused["not_taken"]
    assert line["text"].startswith("bad.zip: not an archive that can be read")
    assert len(refused["photos"]) == 2


@pytest.mark.usefixtures("model")
def test_a_draft_holds_no_more_than_a_ticket_takes_and_nobody_has_more_than_ten(
    rita: Visitor, record: Record, settings: Settings
) -> None:
    few = Record.open(settings.model_copy(update={"photos_per_ticket": 3}))
    draft = begun(rita)
    photos = [Photo(f"{seed}.jpg", jpeg(seed)) for seed in range(4)]
    with pytest.raises(BadInput, match="more than 3 photos: so many a ticket takes"):
        few.drafts.add(draft, "requester", photos)
    assert len(record.drafts.get(draft, "requester").photos) == 3
    for _ in range(9):
        begun(rita)
    answer = rita.post("/tickets/drafts", FIELDS)
    assert answer.status_code == 400
    assert "10 drafts are open: submit or discard one" in answer.get_json()["detail"]


@pytest.mark.usefixtures("model")
def test_a_photo_that_is_taken_out_is_gone_from_the_store(rita: Visitor, record: Record) -> None:
    draft = filled(rita)
    gone, *kept = [photo.sha256 for photo in record.drafts.get(draft, "requester").photos]
    answer = rita.post(f"/tickets/drafts/{draft}/photos/{gone}/remove").get_json()
    assert [photo["id"] for photo in answer["photos"]] == kept
    assert not record.objects.exists(keys.photo(draft, gone))
    assert rita.post(f"/tickets/drafts/{draft}/photos/{'g' * 64}/remove").status_code == 400


@pytest.mark.usefixtures("model")
def test_many_photos_in_a_row_ask_for_one_look(
    rita: Visitor, settings: Settings, record: Record
) -> None:
    alive(record)
    draft = filled(rita, 2)
    for seed in range(10, 14):
        add(rita, draft, {f"{seed}.jpg": jpeg(seed)})
    for _ in range(3):
        assert rita.get(f"/tickets/drafts/{draft}/photos").get_json()["sight"] == "queued"
    assert Queue(settings).length(CPU) == 1


@pytest.mark.usefixtures("model")
def test_each_photo_gets_the_worker_s_answer_and_the_page_says_how_many_are_missing(
    rita: Visitor, record: Record
) -> None:
    alive(record)
    draft = filled(rita, 5)
    first, second, *others = [p.sha256 for p in record.drafts.get(draft, "requester").photos]
    seen = {first: "no_face", second: "several_faces", **dict.fromkeys(others, USABLE)}
    looked(record, draft, seen)
    answer = rita.get(f"/tickets/drafts/{draft}/photos").get_json()
    assert [photo["state"] for photo in answer["photos"]] == ["refused"] * 2 + ["usable"] * 3
    assert answer["photos"][0]["text"] == "No face found; give a photo that shows the face."
    assert answer["sight"] == "done"
    assert answer["enough"]
    line = "3 usable photos of 5. About 15 are needed for a certificate"
    assert answer["advice"].startswith(line)
    looked(record, draft, seen, two_people=True)
    answer = rita.get(f"/tickets/drafts/{draft}/photos").get_json()
    assert "two people" in answer["advice"]
    add(rita, draft, {"new.jpg": jpeg(9)})
    answer = rita.get(f"/tickets/drafts/{draft}/photos").get_json()
    assert answer["photos"][-1]["state"] == "waiting"
    assert answer["photos"][0]["state"] == "refused"


@pytest.mark.usefixtures("model")
def test_without_a_worker_or_a_model_the_page_says_when_the_photos_are_looked_at(
    rita: Visitor, record: Record
) -> None:
    draft = filled(rita)
    page = rita.get(f"/tickets/drafts/{draft}").text
    assert "No worker is running: the photos will be looked at once the ticket is approved." in page
    alive(record, "1")
    assert rita.get(f"/tickets/drafts/{draft}/photos").get_json()["sight"] == "busy"
    unsaid = rita.post(f"/tickets/drafts/{draft}/fields", {**FIELDS, "model": ""})
    assert unsaid.get_json()["sight"] == "no_model"


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


@pytest.fixture
def staff(record: Record, app: Flask) -> list[bytes]:  # noqa: ARG001
    """A face set of 30 people, one of whom has four photos."""
    photos = [jpeg(seed) for seed in range(4)]
    others = {f"person {number:03}": [jpeg(1000)] for number in range(29)}
    record.faces.add("staff", {**others, "Иванова, Анна": photos})
    return photos


@pytest.mark.usefixtures("model", "staff")
def test_enrolled_people_are_found_by_the_beginning_of_a_word_a_few_at_a_time(
    rita: Visitor,
) -> None:
    found = rita.get("/face-sets/staff/people", query_string={"start": "анн"}).get_json()
    assert found == {"people": ["Иванова, Анна"]}
    assert len(rita.get("/face-sets/staff/people").get_json()["people"]) == 20
    assert rita.get("/face-sets/staff/people?start=%00<b>").get_json() == {"people": []}
    assert rita.get("/face-sets/none/people").status_code == 404
    assert rita.get("/face-sets/..%5c/people").status_code == 404


@pytest.mark.usefixtures("model")
def test_an_enrolled_person_s_photos_come_into_the_draft_and_are_named_by_number(
    rita: Visitor, record: Record, staff: list[bytes]
) -> None:
    record.faces.add("reference", {"a": [jpeg(50)]})
    record.faces.add("benchmark", {"b": [jpeg(51)]})
    draft = begun(rita)
    who = {**FIELDS, "face_set": "staff", "person": "Иванова, Анна"}
    answer = rita.post(f"/tickets/drafts/{draft}/person", who).get_json()
    assert [photo["name"] for photo in answer["photos"]] == [
        f"staff-{number:03}.jpg" for number in range(1, 5)
    ]
    assert rita.post(f"/tickets/drafts/{draft}", FIELDS).status_code == 303
    assert {photo.data for photo in record.photos.all(draft)} == set(staff)
    sent = rita.post("/tickets/new", who)  # without the script, all at once
    ticket = sent.headers["Location"].removeprefix("/tickets/")
    assert {photo.data for photo in record.photos.all(ticket)} == set(staff)
    for lost in ("nobody", "../index", ""):
        assert rita.post("/tickets/new", {**who, "person": lost}).status_code == 422


@pytest.mark.usefixtures("staff")
def test_nobody_of_the_model_s_own_reference_or_benchmark_faces_can_be_taken(
    rita: Visitor, record: Record, staff: list[bytes]
) -> None:
    record.faces.add("reference", {"somebody": staff[2:3]})
    record.faces.add("benchmark", {"b": [jpeg(51)]})
    record.models.create(Model(MODEL, "reference", "benchmark"))
    draft = begun(rita)
    who = {**FIELDS, "face_set": "staff", "person": "Иванова, Анна"}
    answer = rita.post(f"/tickets/drafts/{draft}/person", who)
    assert answer.status_code == 400
    line = "in face set reference, the reference faces of model door-cameras: upload other photos"
    assert line in answer.get_json()["detail"]
    own = {**who, "face_set": "benchmark", "person": "b"}
    refused = rita.post(f"/tickets/drafts/{draft}/person", own)
    assert "the benchmark faces of model" in refused.get_json()["detail"]
    assert json.dumps(answer.get_json(), ensure_ascii=False).find("Иванова") == -1
    assert record.drafts.get(draft, "requester").photos == ()
