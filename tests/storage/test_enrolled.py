"""People of a face set for tickets: their sets are read seldom, and not too many are kept."""

import pytest

from storage import object_names
from storage.errors import BadInput
from storage.faces import enrolled
from storage.models.registry import Model
from storage.record import Record

PHOTOS = [b"one", b"two", b"three", b"four"]


def staff(record: Record, name: str) -> None:
    record.faces.add(name, {"anna": PHOTOS[:3], "boris": PHOTOS[3:]})


def test_a_face_set_is_read_once_while_it_is_kept(record: Record) -> None:
    staff(record, "staff")
    assert record.enrolled.search("staff", "an") == ["anna"]
    record.objects.remove_all(object_names.face_set("staff"))
    assert record.enrolled.search("staff", "bo") == ["boris"]


def test_sets_are_kept_up_to_so_many_photos_and_the_oldest_go_first(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolled, "KEPT_PHOTOS", 2 * len(PHOTOS))
    for name in ("first", "second", "third"):
        staff(record, name)
        record.enrolled.search(name, "")
        record.objects.remove_all(object_names.face_set(name))
    for name in ("second", "third"):
        assert record.enrolled.search(name, "") == ["anna", "boris"]
    with pytest.raises(BadInput, match="face set first: there is none"):
        record.enrolled.search("first", "")


def test_photos_are_the_set_s_own_and_count_as_looked_at(record: Record) -> None:
    staff(record, "staff")
    record.faces.add("others", {"carla": [b"five"]})
    record.models.create(Model("door-cameras", "others", "others"))
    found = record.enrolled.photos("door-cameras", "staff", "anna")
    assert {photo.data for photo in found} == set(PHOTOS[:3])
    assert all(photo.sound for photo in found)
