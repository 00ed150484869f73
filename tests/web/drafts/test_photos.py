"""The photos of a draft: what is taken, what is refused, and what a worker says of each."""

from __future__ import annotations

import pytest

from storage import object_names
from storage.errors import BadInput
from storage.queue import CPU, Queue
from storage.record import Record
from storage.settings import Settings
from storage.tickets.draft import USABLE
from storage.tickets.photos import Photo
from tests.storage.packing import zipped
from tests.web.conftest import Visitor, jpeg
from tests.web.drafts.conftest import FIELDS, add, alive, begun, filled, looked


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
    assert not record.objects.exists(object_names.photo(draft, gone))
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
    alive(record, busy=True)
    assert rita.get(f"/tickets/drafts/{draft}/photos").get_json()["sight"] == "busy"
    unsaid = rita.post(f"/tickets/drafts/{draft}/fields", {**FIELDS, "model": ""})
    assert unsaid.get_json()["sight"] == "no_model"
