"""Face sets: read from folders, named by one digest, never changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.canonical import Corrupt, canonical, sha256
from storage.errors import BadInput
from storage.faces import face_lines
from storage.faces.sets import NOBODY, NoPeople, NoSuchFaceSet, Pair, read_folder
from storage.names import BadName
from storage.record import Record

PEOPLE = {"Ada Lovelace": [b"a1", b"a2"], "José": [b"j1"]}


def _write(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(file.encode())
    return root


def _names(found: dict[str, list[Path]]) -> dict[str, list[str]]:
    return {person: [path.name for path in photos] for person, photos in found.items()}


def test_a_folder_holds_one_folder_of_photos_per_person(tmp_path: Path):
    root = _write(tmp_path, "Bob/2.PNG", "Bob/1.jpg", "Ada/x.webp", "Ada/y.jpeg")
    assert _names(read_folder(root)) == {"Ada": ["x.webp", "y.jpeg"], "Bob": ["1.jpg", "2.PNG"]}


def test_the_layout_of_lfw_reads_the_same(tmp_path: Path):
    root = _write(tmp_path, "Aaron_Peirsol/Aaron_Peirsol_0001.jpg", "Zhu/Zhu_0001.jpg", "pairs.txt")
    assert set(read_folder(root)) == {"Aaron_Peirsol", "Zhu"}


def test_other_files_hidden_folders_and_empty_ones_are_passed_over(tmp_path: Path):
    root = _write(tmp_path, "Ada/1.jpg", "Ada/notes.txt", ".cache/1.jpg", "Bob/list.csv", "1.jpg")
    (root / "Empty").mkdir()
    (root / "Ada" / "folder.jpg").mkdir()
    assert _names(read_folder(root)) == {"Ada": ["1.jpg"]}


def test_a_link_is_read_as_what_it_points_to_and_one_to_nothing_is_passed_over(tmp_path: Path):
    elsewhere = _write(tmp_path / "elsewhere", "Bob/1.jpg")
    root = _write(tmp_path / "faces", "Ada/1.jpg")
    (root / "Ada" / "2.jpg").symlink_to(elsewhere / "Bob" / "1.jpg")
    (root / "Ada" / "3.jpg").symlink_to(root / "nowhere.jpg")
    (root / "Ada" / "4.jpg").symlink_to(root / "Ada" / "4.jpg")
    (root / "Bob").symlink_to(elsewhere / "Bob")
    (root / "Carl").symlink_to(root / "nowhere")
    assert _names(read_folder(root)) == {"Ada": ["1.jpg", "2.jpg"], "Bob": ["1.jpg"]}


@pytest.mark.parametrize("files", [[], ["1.jpg"], ["Ada/notes.txt"], [".Ada/1.jpg"]])
def test_a_folder_without_a_folder_of_photos_is_refused(tmp_path: Path, files: list[str]):
    with pytest.raises(BadInput, match="holds no folder of photos; one folder per person"):
        read_folder(_write(tmp_path, *files))


@pytest.mark.parametrize("what", ["none", "file.jpg"])
def test_what_is_no_folder_is_refused_by_name(tmp_path: Path, what: str):
    with pytest.raises(BadInput, match=rf"{what}: not a folder"):
        read_folder(_write(tmp_path, "file.jpg") / what)


def test_faces_come_back_as_they_were_kept(record: Record):
    kept = record.faces.add("reference", PEOPLE)
    assert record.faces.get("reference") == kept
    assert face_lines.all_names(record) == ["reference"]
    assert kept.photos == 3
    assert kept.people["José"] == (sha256(b"j1"),)
    found = {person: set(record.faces.photos(kept, person)) for person in kept.people}
    assert found == {person: set(photos) for person, photos in PEOPLE.items()}


def test_the_same_faces_again_are_the_same_digest_in_whatever_order(record: Record):
    kept = record.faces.add("reference", PEOPLE)
    again = {person: [*reversed(photos), photos[0]] for person, photos in reversed(PEOPLE.items())}
    assert record.faces.add("reference", again) == kept


@pytest.mark.parametrize(
    "people",
    [{}, {"Ada Lovelace": [b"a1", b"a2"]}, {**PEOPLE, "José": [b"j2"]}, {**PEOPLE, "Bob": [b"b"]}],
)
def test_other_faces_under_the_same_name_are_refused_and_the_old_ones_stay(
    record: Record, people: dict[str, list[bytes]]
):
    kept = record.faces.add("reference", PEOPLE)
    names_before = list(record.objects.names(""))
    with pytest.raises(BadInput, match="reference: exists already with other faces"):
        record.faces.add("reference", people)
    assert record.faces.get("reference") == kept
    assert list(record.objects.names("")) == names_before


@pytest.mark.parametrize(
    ("name", "person"),
    [("../users", "Ada"), ("Set", "Ada"), ("set", "../Ada"), ("set", "a/b"), ("set", "")],
)
def test_bad_names_are_refused_before_anything_is_written(record: Record, name: str, person: str):
    with pytest.raises(BadName):
        record.faces.add(name, {"Good": [b"1"], person: [b"2"]})
    assert list(record.objects.names("")) == []


def test_an_altered_face_is_refused_by_name(record: Record):
    kept = record.faces.add("reference", PEOPLE)
    name = f"facesets/reference/José/{sha256(b'j1')}.jpg"
    record.objects.put(name, b"somebody else")
    with pytest.raises(Corrupt, match=f"^{name}: "):
        list(record.faces.photos(kept, "José"))


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"people":[]}', b'{"people":{"Ada":7}}'])
def test_an_index_that_is_none_is_refused_by_name(record: Record, data: bytes):
    record.objects.put("facesets/reference/index.json", data)
    with pytest.raises(Corrupt, match=r"^facesets/reference/index.json: "):
        record.faces.get("reference")


def test_a_face_set_that_is_not_there_says_how_to_add_it(record: Record):
    with pytest.raises(NoSuchFaceSet, match=r"none; add it with `lethe faces add none FOLDER`"):
        record.faces.get("none")


# --- with the pairs of a verification benchmark ---

PAIRS = [
    Pair(sha256(b"a1"), sha256(b"a2"), True, 0),
    Pair(sha256(b"a1"), sha256(b"j1"), False, 1),
]


def test_an_index_of_format_1_keeps_its_bytes_and_digest(record: Record):
    kept = record.faces.add("reference", {"Ada": [b"a1"]})
    index = {"format": 1, "name": "reference", "people": {"Ada": [sha256(b"a1")]}}
    assert record.objects.get("facesets/reference/index.json") == canonical(index)
    assert kept.digest == sha256(canonical(index))
    assert kept.pairs is None
    kept.check_people()


def test_pairs_of_known_people_come_back_in_their_order(record: Record):
    kept = record.faces.add("lfw", PEOPLE, PAIRS)
    assert record.faces.get("lfw") == kept
    assert kept.pairs == tuple(PAIRS)
    assert (set(kept.people), kept.photos) == (set(PEOPLE), 3)
    assert kept.digest != record.faces.add("plain", PEOPLE).digest
    assert record.faces.add("lfw", PEOPLE, PAIRS) == kept
    with pytest.raises(BadInput, match="lfw: exists already with other faces"):
        record.faces.add("lfw", PEOPLE, PAIRS[::-1])


def test_pairs_of_nobody_are_kept_under_their_digests_and_name_no_people(record: Record):
    kept = record.faces.add("packed", {}, PAIRS, [b"a1", b"a2", b"j1"])
    assert (kept.people, kept.photos) == ({}, 3)
    assert record.faces.photo(kept, NOBODY, sha256(b"j1")) == b"j1"
    with pytest.raises(NoPeople, match="face set packed: holds pairs and not who is in them"):
        kept.check_people()


@pytest.mark.parametrize(
    "pairs",
    [7, [7], [["a", "b", True, 0]], [[sha256(b"a"), sha256(b"b"), 1, 0]], [[sha256(b"a")]]],
)
def test_pairs_that_are_none_are_refused_by_the_name_of_the_index(record: Record, pairs: object):
    index = {"format": 2, "name": "lfw", "people": {}, "pairs": pairs}
    record.objects.put("facesets/lfw/index.json", canonical(index))
    with pytest.raises(Corrupt, match=r"^facesets/lfw/index.json: "):
        record.faces.get("lfw")
