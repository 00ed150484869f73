"""Tickets by the API: submitted once, decided on, listed by pages, refused in so many words."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from storage.accounts.users import Role
from storage.models.registry import Version
from storage.record import Record
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.api.conftest import GOOD, Caller
from tests.web.conftest import MODEL, SUBJECT, jpeg
from web import uploads

pytestmark = pytest.mark.usefixtures("model")


@pytest.fixture
def rita(call: Callable[..., Caller]) -> Caller:
    return call(Role.REQUESTER)


def ids(record: Record) -> list[str]:
    return [name for name in record.objects.folders("tickets/") if name]


def test_a_submitted_ticket_is_in_the_record_and_at_the_address_that_the_answer_names(
    rita: Caller, record: Record
) -> None:
    answer = rita.submit()
    assert answer.status_code == 201
    ticket = answer.json["id"]
    assert answer.headers["Location"] == f"/api/v1/tickets/{ticket}"
    shown = rita.get(f"/tickets/{ticket}")
    assert shown.json == answer.json
    assert (shown.json["state"], shown.json["submitted_by"]) == ("submitted", "requester")
    assert shown.json["photos"] == 3
    assert {photo.name: photo.data for photo in record.photos.all(ticket)} == GOOD


def test_an_enrolled_person_is_named_in_place_of_photos(rita: Caller, record: Record) -> None:
    for number, name in enumerate(("staff", "reference", "benchmark")):
        photos = [jpeg(10 * number + seed) for seed in range(3)]
        record.faces.add(name, {"anna" if name == "staff" else "other": photos})
    body = {"model": MODEL, "subject": SUBJECT, "face_set": "staff", "person": "anna"}
    answer = rita.post("/tickets", body, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json["photos"]) == (201, 3)
    again = rita.post("/tickets", body, headers={"Idempotency-Key": "k"})
    assert again.json == answer.json
    assert ids(record) == [answer.json["id"]]
    assert rita.post("/tickets", {**body, "person": "nobody"}).status_code == 400
    assert rita.post("/tickets", {**body, "face_set": "nowhere"}).status_code == 404


def test_a_deadline_that_is_left_out_is_the_one_of_the_law(rita: Caller, record: Record) -> None:
    photos = [(io.BytesIO(content), name) for name, content in GOOD.items()]
    data = {"model": MODEL, "subject": SUBJECT, "photos": photos}
    answer = rita.open("POST", "/tickets", data=data)
    assert answer.status_code == 201
    left = record.tickets.get(answer.json["id"]).days_left
    assert 28 <= left <= 31


def test_each_bad_field_is_named_by_a_pointer(rita: Caller, record: Record) -> None:
    answer = rita.submit(model="none", subject="Rita Skeeter", deadline="2020-01-01")
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert {error["pointer"] for error in answer.json["errors"]} == {"#/subject"}
    answer = rita.submit(model="none", deadline="2020-01-01")
    assert {error["pointer"] for error in answer.json["errors"]} == {"#/model", "#/deadline"}
    assert "Skeeter" not in answer.text
    assert ids(record) == []


def test_each_bad_photo_gets_a_line(rita: Caller, record: Record) -> None:
    answer = rita.submit({**GOOD, "note.jpg": b"not a picture"})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == ["#/photos"]
    assert answer.json["errors"][0]["detail"].startswith("note.jpg: not a picture")
    assert ids(record) == []


def test_the_same_key_and_body_are_one_ticket_and_another_body_is_refused(
    rita: Caller, record: Record
) -> None:
    first, again = rita.submit(key="a-key"), rita.submit(key="a-key")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert rita.submit(key="a-key", subject="DSR-9").status_code == 422
    assert rita.submit({**GOOD, "more.jpg": jpeg(9)}, key="a-key").status_code == 422
    assert ids(record) == [first.json["id"]]


def test_the_same_key_of_two_users_is_two_tickets(
    rita: Caller, call: Callable[..., Caller], record: Record
) -> None:
    other = call(Role.REQUESTER, "other")
    assert rita.submit(key="1").json["id"] != other.submit(key="1").json["id"]
    assert len(ids(record)) == 2


def test_a_key_whose_request_was_refused_is_free_for_the_right_one(rita: Caller) -> None:
    assert rita.submit({"a.jpg": b"no"}, key="k").status_code == 422
    assert rita.submit(key="k").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "ключ", "a b"])
def test_a_key_that_is_none_is_refused_by_name(rita: Caller, key: str) -> None:
    answer = rita.submit(key=key)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["header"] == "Idempotency-Key"


def test_a_process_that_dies_after_the_ticket_was_written_leaves_one_ticket(
    rita: Caller, record: Record
) -> None:
    first = rita.submit(key="k").json["id"]
    (place,) = record.redis.keys("lethe:idempotency:*")
    kept = str(record.redis.get(place)).replace('"done": true', '"done": false')
    record.redis.set(place, kept, keepttl=True)  # as it was when the first write was done
    assert rita.submit(key="k").json["id"] == first
    assert ids(record) == [first]
    assert 0 < record.redis.ttl(place) <= 24 * 3600


def test_many_at_once_under_one_key_make_one_ticket(
    app: Flask, call: Callable[..., Caller], record: Record
) -> None:
    secret = call(Role.REQUESTER).secret
    answers: list[int] = []

    def send() -> None:
        caller = Caller(app.test_client(use_cookies=False), "", secret)
        answers.append(caller.submit(key="k").status_code)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert len(ids(record)) == 1


def test_an_upload_beyond_the_limit_is_refused_before_it_is_read(
    rita: Caller, record: Record
) -> None:
    def too_large(path: str, size: int) -> int:
        answer = rita.open(
            "POST",
            path,
            content_type="multipart/form-data; boundary=x",
            input_stream=io.BytesIO(b"never read"),
            environ_overrides={"CONTENT_LENGTH": str(size)},
        )
        return answer.status_code

    assert too_large("/tickets", uploads.upload_bytes(record.settings) + 1) == 413
    assert too_large("/models/x/promote", 2**21) == 403  # of who may not, nothing is read


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"reason": "a", "reason": "b"}', "application/json", 400),
        (b"[]", "application/json", 400),
        (b"reason=x", "application/x-www-form-urlencoded", 415),
        (b'{"reason": 1}', "application/json", 422),
        (b'{"why": "x"}', "application/json", 422),
        (b'{"reason": "   "}', "application/json", 422),
    ],
)
def test_a_body_that_cannot_be_used_is_refused_and_nothing_moves(
    call: Callable[..., Caller],
    submitted: Callable[..., Ticket],
    record: Record,
    data: bytes,
    kind: str,
    status: int,
) -> None:
    ticket = submitted().id
    path = f"/tickets/{ticket}/deny"
    answer = call(Role.APPROVER).open("POST", path, data=data, content_type=kind)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert record.tickets.get(ticket).state is State.SUBMITTED


def test_what_people_decide_moves_the_ticket_and_stands_in_its_events(
    call: Callable[..., Caller], submitted: Callable[..., Ticket]
) -> None:
    approver, admin = call(Role.APPROVER), call(Role.ADMIN)
    one, two = submitted().id, submitted().id
    assert approver.post(f"/tickets/{one}/approve").json["state"] == "approved"
    assert approver.post(f"/tickets/{one}/approve").status_code == 409
    denied = approver.post(f"/tickets/{two}/deny", {"reason": "no right"}).json
    assert (denied["state"], denied["note"], denied["days_left"]) == ("denied", "no right", None)
    assert admin.post(f"/tickets/{two}/archive").json["archived"] is True
    assert [item["id"] for item in admin.get("/tickets?archived=true").json["items"]] == [two]
    assert admin.post(f"/tickets/{two}/restore").json["archived"] is False
    events = approver.get(f"/tickets/{two}/events").json["items"]
    assert [(event["state"], event["actor"]) for event in events[:2]] == [
        ("submitted", "requester"),
        ("denied", "approver"),
    ]
    assert events[1]["note"] == "no right"


def test_requesters_cancel_their_own_alone(
    rita: Caller, call: Callable[..., Caller], submitted: Callable[..., Ticket]
) -> None:
    ticket = submitted("requester").id
    assert call(Role.REQUESTER, "other").post(f"/tickets/{ticket}/cancel").status_code == 403
    assert rita.post(f"/tickets/{ticket}/cancel").json["state"] == "cancelled"


def test_pages_follow_on_one_another_with_the_same_filter(
    rita: Caller, submitted: Callable[..., Ticket]
) -> None:
    made = [submitted().id for _ in range(5)]
    cancelled = made.pop(2)
    assert rita.post(f"/tickets/{cancelled}/cancel").status_code == 200
    found, address = [], "/tickets?state=submitted&limit=3"
    while address:
        answer = rita.get(address.removeprefix("/api/v1"))
        found += [item["id"] for item in answer.json["items"]]
        address = answer.json["next"]
        assert answer.headers.get("Link") == (f'<{address}>; rel="next"' if address else None)
    assert sorted(found) == sorted(made)
    after = rita.get(f"/tickets?after={found[0]}&state=submitted").json["items"]
    assert [item["id"] for item in after] == found[1:]


def test_an_unchanged_ticket_is_not_sent_again(
    rita: Caller, call: Callable[..., Caller], submitted: Callable[..., Ticket]
) -> None:
    ticket = submitted().id
    tag = rita.get(f"/tickets/{ticket}").headers["ETag"]
    same = rita.get(f"/tickets/{ticket}", headers={"If-None-Match": tag})
    assert (same.status_code, same.data) == (304, b"")
    call(Role.APPROVER).post(f"/tickets/{ticket}/approve")
    assert rita.get(f"/tickets/{ticket}", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("GET", "/tickets/..", {}, 404),
        ("GET", "/tickets/t000000000000", {}, 404),
        ("GET", "/tickets?sate=submitted", {}, 422),
        ("GET", "/tickets?state=x", {}, 422),
        ("GET", "/tickets?limit=1&limit=2", {}, 422),
        ("GET", "/tickets?after=t000000000000", {}, 422),
        ("GET", "/me?x=1", {}, 422),
        ("GET", "/me", {"Accept": "text/html"}, 406),
        ("DELETE", "/tickets", {}, 405),
    ],
)
def test_every_refusal_is_a_problem_document(
    rita: Caller, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = rita.open(method, path, headers=headers)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json["status"] == status
    assert answer.json["type"] == f"/api#problem-{status}"
    if status == 405:
        assert "GET" in answer.headers["Allow"]


def test_more_photos_are_taken_for_a_ticket_that_needs_them(
    rita: Caller, submitted: Callable[..., Ticket], model: Version
) -> None:
    assert model.model == MODEL
    needing = submitted(then=[State.APPROVED, State.PREPARING, State.NEEDS_PHOTOS]).id
    data = {"photos": [(io.BytesIO(jpeg(7)), "seven.jpg")]}
    answer = rita.open("POST", f"/tickets/{needing}/photos", data=data)
    assert (answer.status_code, answer.json["photos"]) == (200, 4)
    soon = datetime.now(UTC).date() + timedelta(days=40)
    extension = {"deadline": soon.isoformat(), "reason": "many requests"}
    assert rita.post(f"/tickets/{needing}/extend", extension).status_code == 403
