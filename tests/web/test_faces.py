"""Face sets: what is in them and who uses them; names for few, pictures for nobody."""

from collections.abc import Callable

import pytest

from storage import keys, object_names
from storage.accounts.users import Role
from storage.canonical import sha256
from storage.faces.sets import Pair
from storage.models.registry import Model
from storage.record import Record
from tests.web.conftest import Visitor, jpeg
from web import faces

Visit = Callable[[Role], Visitor]


@pytest.fixture
def reference(record: Record) -> str:
    record.faces.add("reference", {"Ada L": [jpeg(1), jpeg(2)], "Grace H": [jpeg(3)]})
    return "reference"


def test_face_sets_are_listed_with_what_they_hold(visit: Visit, reference: str) -> None:
    page = visit(Role.REQUESTER).get("/face-sets").text
    assert "2 people, 3 photos" in page
    assert f'href="/face-sets/{reference}"' in page
    assert "not used" in page


def test_a_verification_set_shows_its_pairs_and_the_model_that_is_measured_on_it(
    visit: Visit, record: Record
) -> None:
    digests = [sha256(jpeg(seed)) for seed in (1, 2)]
    pairs = [Pair(*digests, True, 0)] * 6000
    record.faces.add("lfw", {}, pairs, [jpeg(1), jpeg(2)])
    record.models.create(Model("door", "reference", "benchmark", ("lfw", "agedb-30")))
    audrey = visit(Role.AUDITOR)
    page = audrey.get("/face-sets").text
    assert "people not named, 2 photos, 6,000 pairs" in page
    assert "door (verification)" in page
    page = audrey.get("/face-sets/lfw").text
    assert "6,000 mated, in 1 folds" in page
    assert 'href="/models/door"' in page


@pytest.mark.usefixtures("reference")
def test_names_of_people_are_shown_to_those_who_decide_alone(visit: Visit) -> None:
    for role in Role:
        visitor = visit(role)
        named = role in {Role.APPROVER, Role.ADMIN}
        page = visitor.get("/face-sets/reference")
        assert page.status_code == 200
        assert "Ada L" not in page.text
        assert ("Who is in it" in page.text) is named
        answer = visitor.get("/face-sets/reference/names")
        assert ("Ada L" in answer.text) is named
        assert answer.status_code == (200 if named else 403)


@pytest.mark.usefixtures("reference")
def test_no_page_shows_a_picture(visit: Visit) -> None:
    root = visit(Role.ADMIN)
    for path in ("/face-sets", "/face-sets/reference", "/face-sets/reference/names"):
        assert "<img" not in root.get(path).text


def test_people_come_by_pages_and_are_searched(
    visit: Visit, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "PEOPLE", 2)
    record.faces.add("staff", {f"Person {letter}": [jpeg(9)] for letter in "ABCDE"})
    boss = visit(Role.APPROVER)
    page = boss.get("/face-sets/staff/names").text
    assert "Person B" in page
    assert "Person C" not in page
    older = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "Person C" in boss.get(older).text
    found = boss.get("/face-sets/staff/names?q=person d").text
    assert "Person D" in found
    assert "Person A" not in found
    assert "Nobody of this name" in boss.get("/face-sets/staff/names?q=zoe").text


def test_a_list_reads_no_index_that_redis_knows(
    visit: Visit, record: Record, reference: str
) -> None:
    audrey = visit(Role.AUDITOR)
    assert "2 people" in audrey.get("/face-sets").text
    record.objects.put(object_names.face_set(reference), b"{}")
    assert "2 people" in audrey.get("/face-sets").text
    record.redis.delete(keys.FACE_LINES)
    assert "cannot be read: it was altered or damaged" in audrey.get("/face-sets").text


def test_many_face_sets_come_by_pages(
    visit: Visit, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "SHOWN", 2)
    for number in range(7):
        record.faces.add(f"set-{number}", {"p": [jpeg(1)]})
    audrey = visit(Role.AUDITOR)
    page = audrey.get("/face-sets").text
    assert "set-1" in page
    assert "set-2" not in page
    older = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "set-2" in audrey.get(older).text
    assert "set-6" in audrey.get("/face-sets?q=6").text
    assert "No face set of this name" in audrey.get("/face-sets?q=zoo").text


def test_a_face_set_that_is_not_there_is_a_page_that_is_not_there(visit: Visit) -> None:
    answer = visit(Role.ADMIN).get("/face-sets/nobody")
    assert answer.status_code == 404
    assert "lethe faces add nobody FOLDER" in answer.text
