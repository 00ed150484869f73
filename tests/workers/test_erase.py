"""What is left of two people after one run erased them: a version, certificates, no photos."""

from __future__ import annotations

import pytest

from storage.canonical import sha256
from storage.certificates.issued import BadCertificate, Signer, verify
from storage.tickets.events import Event
from storage.tickets.states import State
from storage.uploads.images import encode_png
from tests.storage.conftest import PATH
from tests.workers.cast import RECOGNISER, Cast
from tests.workers.erased import FIRST, PLAN, SECOND, Erased
from tests.workers.workshop import MODEL
from workers.recognizer import Recognizer

PHOTO_BEGINS = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF")


def names(cast: Cast) -> list[bytes]:
    return [photo.name.encode() for photo in [*cast.subject, *cast.other_subject]]


def events(erased: Erased, ticket: str) -> list[Event]:
    return erased.workshop.record.tickets.events(ticket)


def signer(erased: Erased) -> Signer:
    return Signer.from_file(erased.workshop.settings.signing_key_file)


def test_both_tickets_go_the_whole_way(erased: Erased) -> None:
    way = ["submitted", *(str(state) for state in PATH)]
    assert [erased.workshop.states(ticket) for ticket in erased.tickets] == [way, way]
    for ticket in erased.tickets:
        result = erased.workshop.load(ticket).result
        assert result["verdict"] == "passed"
        assert result["version"] == 2
        assert (
            result["headline"]["forget_tmr_after"]
            <= 0.4
            < 0.9
            < (result["headline"]["forget_tmr_before"])
        )


def test_two_tickets_of_one_model_make_one_run_and_one_version(erased: Erased) -> None:
    first, second = erased.workshop.record.models.versions(MODEL)
    assert len(erased.unlearner.results) == 1
    assert second.parent == first.digest
    assert sorted(second.made_by["tickets"]) == sorted(erased.tickets)
    assert second.made_by["method"] == PLAN.method


def test_the_new_version_is_current_and_is_what_the_run_made(erased: Erased) -> None:
    models = erased.workshop.record.models
    assert models.aliases(MODEL) == {"current": 2}
    path = models.pull(models.find(MODEL), erased.bucket.parent.parent / "pulled")
    assert Recognizer.load(path).sha256 != Recognizer.load(RECOGNISER).sha256
    models.check_files(models.find(MODEL))


def test_the_ledger_verifies(erased: Erased) -> None:
    record = erased.workshop.record
    record.redis.flushall()  # other tests' tickets are in the same Redis, and in other buckets
    audit = record.ledger.rebuild()
    assert audit.broken == ()
    assert (audit.tickets, audit.versions, audit.certificates) == (2, 2, 2)


def test_each_ticket_has_a_certificate_that_verifies_with_the_key(erased: Erased) -> None:
    new = erased.workshop.record.models.find(MODEL)
    for ticket in erased.tickets:
        data = erased.workshop.record.certificates.certificate(ticket)
        body = verify(data, signer(erased).key.public_key(), "certificate")
        assert body["ticket"] == ticket
        assert body["verdict"] == "passed"
        assert body["version"]["digest"] == new.digest
        assert body["version"]["files"] == new.files
        assert body["parent"]["digest"] == new.parent
        assert body["photos"] == events(erased, ticket)[0].data["manifest"]


def test_a_certificate_with_one_flipped_byte_is_refused(erased: Erased) -> None:
    data = bytearray(erased.workshop.record.certificates.certificate(erased.tickets[0]))
    data[len(data) // 2] ^= 1
    with pytest.raises(BadCertificate):
        verify(bytes(data), signer(erased).key.public_key(), "certificate")


def test_certificates_and_reports_name_no_subject_and_no_file(erased: Erased, cast: Cast) -> None:
    kept = erased.workshop.record.certificates
    for ticket in erased.tickets:
        for document in (kept.certificate(ticket), kept.report(ticket)):
            for secret in (FIRST.encode(), SECOND.encode(), *names(cast)):
                assert secret not in document


def test_the_photos_are_gone_from_the_store(erased: Erased) -> None:
    for ticket in erased.tickets:
        assert erased.workshop.record.photos.left(ticket) == 0
        assert erased.workshop.load(ticket).result["objects_removed"] > 30


def test_no_file_on_the_disk_holds_a_photo_a_crop_or_a_file_name(
    erased: Erased, cast: Cast
) -> None:
    photos = {photo.data for photo in [*cast.subject, *cast.other_subject]}
    crops = {digest for found in erased.selections for digest in (*found.forget, *found.held_out)}
    folders = (erased.bucket, erased.workshop.settings.cache_dir)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 300  # the face sets, and more
    for path in files:
        data = path.read_bytes()
        assert data not in photos
        assert sha256(data) not in crops
        assert not [name for name in names(cast) if name in data]
    for ticket in erased.tickets:
        left = [path for path in (erased.bucket / "tickets" / ticket).rglob("*") if path.is_file()]
        assert {path.parent.name for path in left} == {"events"}


def test_the_events_hold_no_file_name_and_no_digest_of_a_photo(erased: Erased, cast: Cast) -> None:
    written = "\n".join(erased.workshop.written(ticket) for ticket in erased.tickets)
    assert "manifest" in written
    for photo in [*cast.subject, *cast.other_subject]:
        assert photo.name not in written
        assert photo.sha256 not in written
    for found in erased.selections:
        for digest in (*found.forget, *found.held_out):
            assert digest not in written


def test_redis_holds_no_photo_and_no_file_name(erased: Erased, cast: Cast) -> None:
    assert erased.tickets[0].encode() in erased.redis
    for secret in (*names(cast), *PHOTO_BEGINS, *(repr(b)[2:-1].encode() for b in PHOTO_BEGINS)):
        assert secret not in erased.redis
    digests = [photo.sha256.encode() for photo in [*cast.subject, *cast.other_subject]]
    assert not [digest for digest in digests if digest in erased.redis]


def test_held_out_crops_never_reach_the_unlearning(erased: Erased) -> None:
    trained = {crop.tobytes() for crops in erased.unlearner.subjects[0] for crop in crops}
    assert len(trained) == 40
    assert len(erased.held_out) == 20
    assert trained.isdisjoint(erased.held_out)


def test_what_trained_are_the_forget_crops_of_the_selection(erased: Erased) -> None:
    for crops, selection in zip(erased.unlearner.subjects[0], erased.selections, strict=True):
        assert [sha256(encode_png(crop)) for crop in crops] == list(selection.forget)


def test_the_tickets_have_ended_and_nothing_waits(erased: Erased) -> None:
    record = erased.workshop.record
    for ticket in erased.tickets:
        assert record.tickets.load(ticket).state is State.COMPLETED
        assert not record.leases.held("ticket", ticket)
