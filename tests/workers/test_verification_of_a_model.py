"""A model's verification sets: checked when it is added, measured on when people are erased."""

from __future__ import annotations

from pathlib import Path

import pytest

from lethe.commands.faces import add_face_set
from lethe.commands.models import add_model
from storage.models.registry import Model
from storage.record import Record
from storage.tickets.states import State
from storage.uploads.images import BadPhoto
from tests.certification.pair_files import comparisons, pictures, write_bin
from tests.storage.pictures import encoded, picture
from tests.workers.cast import RECOGNISER, Cast
from tests.workers.erased import Erased, Replay, use
from tests.workers.workshop import MODEL, Workshop
from workers.certification.verification import read_verification
from workers.erase import erase
from workers.verification import NoPairs


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    return write_bin(tmp_path / "lfw.bin", pictures(comparisons()))


def test_the_certificate_names_the_benchmark_by_digest_and_says_what_both_versions_reach(
    workshop: Workshop, cast: Cast, erased: Erased, packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_face_set(workshop.record, "lfw", packed)
    workshop.name_face_sets("reference", "benchmark", "lfw")
    use(monkeypatch, Replay(given=erased.result))
    ticket = workshop.queued(cast.subject)
    erase(MODEL)
    assert workshop.state(ticket) is State.COMPLETED, workshop.load(ticket).note
    body = workshop.record.certificates.check(ticket)
    (found,) = body["figures"]["verification"]
    given = read_verification(packed, 112)
    assert (found["name"], found["digest"]) == ("lfw", given.digest)
    assert (found["pairs"], found["mated"], found["folds"]) == (60, 30, 10)
    for name in ("verification_accuracy", "verification_accuracy_before"):
        assert body["figures"]["benchmark"][name]["estimate"] > 0.7
    assert b"lfw" in workshop.record.certificates.report(ticket)


def test_a_verification_set_without_pairs_is_refused_when_the_model_is_added(
    record: Record, packed: Path, tmp_path: Path
) -> None:
    record.faces.add("people", {"Ada": [encoded(picture(1, 112, 112), "PNG")]})
    add_face_set(record, "lfw", packed)
    with pytest.raises(NoPairs, match="face set people: holds no pairs to verify"):
        add_model(record, Model("door", "later", "later", ("lfw", "people")), RECOGNISER)
    found, labels = pictures(comparisons())
    found[-1] = encoded(picture(2, 96, 96), "PNG")
    add_face_set(record, "small", write_bin(tmp_path / "small.bin", (found, labels)))
    with pytest.raises(BadPhoto, match=r"face set small, photo .* 96×96"):
        add_model(record, Model("door", "later", "later", ("small",)), RECOGNISER)
    assert record.models.all() == []
    add_model(record, Model("door", "later", "later", ("lfw", "later")), RECOGNISER)
    assert record.models.get("door").verification == ("lfw", "later")
