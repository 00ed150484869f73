"""The subject's photos: kept with a ticket, and gone without a trace when it needs them no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from storage.canonical import Corrupt, sha256
from storage.errors import BadInput
from storage.names import BadName, new_ticket_id
from storage.record import Record
from storage.settings import Settings
from storage.tickets.photos import Photo, Selection
from tests.storage.pictures import encoded, photos, picture


@pytest.fixture
def ticket() -> str:
    return new_ticket_id()


@pytest.fixture
def bucket(settings: Settings, tmp_path_factory: pytest.TempPathFactory, record: Record) -> Path:
    """The folder in which the S3 server keeps the bucket."""
    record.objects.put("marker", b"")
    found = tmp_path_factory.getbasetemp().glob(f"servers*/s3/{settings.s3_bucket}/marker")
    (marker,) = {path.resolve() for path in found}
    return marker.parent


def test_photos_come_back_byte_for_byte_under_their_names(record: Record, ticket: str):
    given = photos(4)
    record.photos.keep(ticket, given)
    assert record.photos.all(ticket) == given


def test_the_same_photos_twice_give_different_digests(record: Record):
    given = photos(3)
    digests = {record.photos.keep(new_ticket_id(), given) for _ in range(3)}
    assert len(digests) == 3


def test_the_digest_is_that_of_the_kept_list(record: Record, ticket: str):
    digest = record.photos.keep(ticket, photos(3))
    assert digest == sha256(record.objects.get(f"tickets/{ticket}/photos/manifest.json"))


def test_removal_leaves_nothing_of_this_ticket_and_all_of_the_others(
    record: Record, ticket: str, bucket: Path
):
    other = new_ticket_id()
    record.photos.keep(other, photos(3))
    given = photos(3, first=10)
    record.photos.keep(ticket, given)
    pixels = np.asarray(picture(99))
    crop = record.photos.keep_crop(ticket, pixels)
    record.photos.keep_selection(ticket, Selection((crop,), (), ()))
    assert record.photos.left(ticket) == 6

    assert record.photos.remove(ticket) == 6
    assert record.photos.left(ticket) == 0
    assert record.photos.selection(ticket) is None
    kept = [path.read_bytes() for path in bucket.rglob("*") if path.is_file()]
    for photo in given:
        assert not any(photo.data in data for data in kept)
        assert not any(photo.sha256.encode() in data for data in kept)
        assert not any(photo.name.encode() in data for data in kept)
        assert not list(bucket.rglob(f"*{photo.sha256}*"))
    assert record.photos.all(other) == photos(3)
    assert record.photos.remove(ticket) == 0


def test_photos_written_over_are_gone_too(record: Record, ticket: str):
    record.photos.keep(ticket, photos(3))
    record.photos.keep(ticket, photos(3, first=2))
    record.photos.remove(ticket)
    assert list(record.objects.names("tickets/")) == []


def test_an_altered_photo_is_refused_by_name(record: Record, ticket: str):
    given = photos(3)
    record.photos.keep(ticket, given)
    name = f"tickets/{ticket}/photos/{given[1].sha256}"
    record.objects.put(name, b"another face")
    with pytest.raises(Corrupt, match=f"^{name}: "):
        record.photos.all(ticket)


def test_crops_come_back_pixel_for_pixel_and_altered_ones_are_refused(record: Record, ticket: str):
    pixels = np.asarray(picture(5, 112, 112))
    digest = record.photos.keep_crop(ticket, pixels)
    assert (record.photos.crop(ticket, digest) == pixels).all()
    name = f"tickets/{ticket}/photos/crops/{digest}.png"
    record.objects.put(name, encoded(picture(6), "PNG"))
    with pytest.raises(Corrupt, match=f"^{name}: "):
        record.photos.crop(ticket, digest)


def test_a_selection_comes_back_as_it_was(record: Record, ticket: str):
    assert record.photos.selection(ticket) is None
    selection = Selection(("a", "b"), ("c",), (("IMG_1.jpg", "no_face", "IMG_1.jpg: no face"),))
    record.photos.keep_selection(ticket, selection)
    assert record.photos.selection(ticket) == selection


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"forget":1,"held_out":[],"refused":[]}'])
def test_a_selection_that_is_none_is_refused_by_name(record: Record, ticket: str, data: bytes):
    name = f"tickets/{ticket}/photos/selection.json"
    record.objects.put(name, data)
    with pytest.raises(Corrupt, match=f"^{name}: "):
        record.photos.selection(ticket)


def test_more_photos_than_the_limit_are_refused_and_none_is_kept(record: Record, ticket: str):
    one = photos(1)[0]
    with pytest.raises(BadInput, match="201 photos: at most 200 a ticket"):
        record.photos.keep(ticket, [one] * 201)
    assert record.photos.left(ticket) == 0


def test_file_names_of_any_bytes_are_no_obstacle(record: Record, ticket: str):
    odd = ["caf\udce9.jpg", "../../etc/passwd", "a\nb\x1b[2J.jpg", "x" * 5000, "", "写真.jpg"]
    given = [Photo(name, photo.data) for name, photo in zip(odd, photos(6), strict=True)]
    record.photos.keep(ticket, given)
    assert [photo.data for photo in record.photos.all(ticket)] == [photo.data for photo in given]
    assert all(name.startswith(f"tickets/{ticket}/photos/") for name in record.objects.names(""))
    record.photos.remove(ticket)
    assert list(record.objects.names("")) == []


@pytest.mark.parametrize("ticket", ["", "..", "t/../../users", "T00000000000A"])
def test_only_a_ticket_s_id_names_a_folder_to_remove(record: Record, ticket: str):
    record.objects.put("users/ada.json", b"{}")
    for use in (
        lambda: record.photos.remove(ticket),
        lambda: record.photos.left(ticket),
        lambda: record.photos.keep(ticket, photos(3)),
    ):
        with pytest.raises(BadName):
            use()
    assert list(record.objects.names("")) == ["users/ada.json"]
