import io
import struct
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.test import TestResponse

from storage.accounts.users import Role
from storage.models.registry import Version
from storage.record import Record
from storage.settings import Settings
from storage.tickets.states import State
from tests.web.conftest import MODEL, SUBJECT, Visitor, jpeg
from web import uploads


@pytest.fixture
def rita(visit: Callable[[Role], Visitor]) -> Visitor:
    return visit(Role.REQUESTER)


def bomb() -> bytes:
    """A PNG whose header claims 10 gigapixels."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


GOOD = {f"IMG_{seed}.jpg": jpeg(seed) for seed in range(4)}


def submit(visitor: Visitor, photos: Mapping[str, bytes] = GOOD, **fields: str) -> TestResponse:
    data = {
        "model": MODEL,
        "subject": SUBJECT,
        "legal_ground": "gdpr-17-1-b",
        "deadline": (datetime.now(UTC).date() + timedelta(days=30)).isoformat(),
        **fields,
        "photos": [(io.BytesIO(content), name) for name, content in photos.items()],
    }
    return visitor.post("/tickets/new", data)


def kept(record: Record) -> list[str]:
    return list(record.objects.names("tickets/"))


def test_an_accepted_ticket_is_in_the_object_store_before_the_answer(
    rita: Visitor, record: Record, settings: Settings, model: Version
) -> None:
    answer = submit(rita)
    assert answer.status_code == 303
    ticket = answer.headers["Location"].removeprefix("/tickets/")
    record.redis.flushall()
    found = Record.open(settings).tickets.load(ticket)
    assert (found.subject, found.model, found.state) == (SUBJECT, model.model, State.SUBMITTED)
    assert (found.submitted_by, found.photos) == ("requester", 4)
    assert {photo.name: photo.data for photo in record.photos.all(ticket)} == GOOD


@pytest.mark.usefixtures("model")
def test_each_bad_photo_gets_one_line_and_nothing_is_kept_of_the_ticket(
    rita: Visitor, record: Record
) -> None:
    bad = {"note.jpg": b"not a picture", "half.jpg": jpeg(9)[:-400], "bomb.png": bomb()}
    answer = submit(rita, {**GOOD, **bad})
    assert answer.status_code == 422
    for line in (
        "note.jpg: not a picture that can be read; give JPEG, PNG or WebP",
        "half.jpg: the picture breaks off or is damaged; copy the file again",
        "bomb.png: ",
    ):
        assert answer.text.count(f"<li>{line}") == 1
    assert "IMG_0.jpg" not in answer.text
    assert f'value="{SUBJECT}"' in answer.text
    assert "Only the photos must be chosen again" in answer.text
    assert kept(record) == []


@pytest.mark.usefixtures("model")
def test_two_photos_are_too_few_and_the_page_says_how_many_are_needed(
    rita: Visitor, record: Record
) -> None:
    answer = submit(rita, {"a.jpg": jpeg(1), "b.jpg": jpeg(2)})
    assert answer.status_code == 422
    assert "2 photos: at least 3 different ones are needed" in answer.text
    assert kept(record) == []


@pytest.mark.usefixtures("model")
def test_every_bad_field_is_named_and_shown_again_escaped(rita: Visitor, record: Record) -> None:
    answer = submit(
        rita,
        model="none",
        subject='"><script>alert(1)</script>',
        legal_ground="because",
        deadline="2020-01-01",
    )
    assert answer.status_code == 422
    for line in (
        "Choose one of the models.",
        "not the person&#39;s name",
        "Choose one of the legal grounds.",
        "This day has passed",
    ):
        assert line in answer.text
    assert "<script>alert" not in answer.text
    assert "&#34;&gt;&lt;script&gt;alert(1)" in answer.text
    assert kept(record) == []


@pytest.mark.usefixtures("model")
def test_a_file_name_is_cut_to_its_last_part_and_escaped(rita: Visitor) -> None:
    answer = submit(rita, {**GOOD, "C:\\me\\../<img src=x onerror=alert(1)>.jpg": b"no"})
    assert "<li>&lt;img src=x onerror=alert(1)&gt;.jpg: not a picture" in answer.text
    assert "<img src=x" not in answer.text


@pytest.mark.usefixtures("model")
def test_more_photos_than_a_ticket_takes_are_refused_by_number(
    rita: Visitor, settings: Settings
) -> None:
    most = settings.photos_per_ticket
    answer = submit(rita, {f"{number}.jpg": b"x" for number in range(most + 1)})
    assert answer.status_code == 422
    assert f"{most + 1} photos: at most {most} a ticket" in answer.text


@pytest.mark.usefixtures("model")
def test_an_upload_beyond_the_limit_is_refused_before_it_is_read(
    rita: Visitor, record: Record, settings: Settings
) -> None:
    size = uploads.upload_bytes(settings) + 1
    answer = rita.client.post(
        "/tickets/new",
        content_type="multipart/form-data; boundary=x",
        input_stream=io.BytesIO(b"never read"),
        environ_overrides={"CONTENT_LENGTH": str(size)},
    )
    assert answer.status_code == 413
    assert "Nothing of it was kept." in answer.text
    assert kept(record) == []


def test_a_form_without_photos_takes_no_more_than_a_mebibyte(stranger: Visitor) -> None:
    answer = stranger.client.post("/sign-in", data={"name": "x" * (uploads.FORM_BYTES + 1)})
    assert answer.status_code == 413


@pytest.mark.usefixtures("model")
def test_logs_hold_neither_subject_nor_file_names(
    rita: Visitor, capfd: pytest.CaptureFixture[str]
) -> None:
    submit(rita)
    submit(rita, {**GOOD, "holiday-with-jane.jpg": b"no"})
    out = "".join(capfd.readouterr())
    assert "ticket_submitted" in out
    for secret in (SUBJECT, "IMG_0", "holiday"):
        assert secret not in out
