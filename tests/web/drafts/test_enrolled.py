"""Enrolled people of a face set as the subject of a draft."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from storage.models.registry import Model
from storage.record import Record
from tests.web.conftest import MODEL, Visitor, jpeg
from tests.web.drafts.conftest import FIELDS, begun


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
