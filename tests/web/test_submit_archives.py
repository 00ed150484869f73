"""Archives in the photos field of the form: their photos are the ticket's."""

from collections.abc import Callable

import pytest

from storage.accounts.users import Role
from storage.record import Record
from tests.storage.packing import PACKED, zipped
from tests.storage.test_hostile_archives import fifield
from tests.web.conftest import Visitor, jpeg
from tests.web.test_submit import GOOD, kept, submit


@pytest.fixture
def rita(visit: Callable[[Role], Visitor]) -> Visitor:
    return visit(Role.REQUESTER)


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_s_photos_are_the_ticket_s_beside_those_sent_alone(
    rita: Visitor, record: Record, kind: str
) -> None:
    inside = {f"holiday/{name}": data for name, data in GOOD.items()}
    packed = PACKED[kind](inside)
    answer = submit(rita, {f"photos.{kind}": packed, "alone.jpg": jpeg(9)})
    assert answer.status_code == 303, answer.text
    ticket = answer.headers["Location"].removeprefix("/tickets/")
    assert record.tickets.load(ticket).photos == 5
    found = {photo.name: photo.data for photo in record.photos.all(ticket)}
    assert found == {**GOOD, "alone.jpg": jpeg(9)}


@pytest.mark.usefixtures("model")
def test_an_archive_that_cannot_be_used_gets_one_line_and_nothing_is_kept(
    rita: Visitor, record: Record
) -> None:
    for data, line in (
        (b"no archive", "photos.zip: not an archive that can be read"),
        (
            zipped({"../../<b>.jpg": jpeg(1)}),
            "photos.zip: member &#39;../../&lt;b&gt;.jpg&#39;: leads",
        ),
        (fifield(500), "photos.zip: member &#39;0.jpg&#39;: shares its bytes"),
        (zipped({f"{i}.jpg": b"x" for i in range(201)}), "photos.zip: more than 200 photos"),
        (zipped({"a.jpg": b"no picture"}), "a.jpg: not a picture"),
    ):
        answer = submit(rita, {"photos.zip": data})
        assert answer.status_code == 422
        assert answer.text.count(f"<li>{line}") == 1, (line, answer.text)
    assert kept(record) == []


@pytest.mark.usefixtures("model")
def test_several_archives_together_hold_no_more_than_a_ticket_takes(rita: Visitor) -> None:
    packed = zipped({f"{i}.jpg": b"x" for i in range(150)})
    answer = submit(rita, {"one.zip": packed, "two.zip": packed})
    assert answer.status_code == 422
    assert "300 photos: at most 200 a ticket" in answer.text
