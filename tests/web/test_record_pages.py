"""Certificates, models, face sets, users and the audit."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storage import keys
from storage.canonical import sha256
from storage.certificates import Signer, issue, write_new_key
from storage.faces import Pair
from storage.models import Model, Version
from storage.record import Record
from storage.settings import Settings
from storage.ticket import Ticket
from storage.users import Role
from tests.storage.bodies import body
from tests.web.conftest import MODEL, Visitor, jpeg, publish

Visit = Callable[[Role], Visitor]
REPORT = b"<!doctype html><style>h1{color:red}</style><h1>Report</h1><script>alert(1)</script>"


@pytest.fixture
def certified(record: Record, settings: Settings, submitted: Callable[..., Ticket]) -> str:
    """A ticket with a certificate and a report."""
    assert settings.signing_key_file is not None
    write_new_key(settings.signing_key_file)
    signer = Signer.from_file(settings.signing_key_file)
    ticket = submitted().id
    record.certificates.keep(ticket, issue(body(ticket=ticket), signer), REPORT, signer)
    return ticket


def test_a_certificate_is_verified_in_the_page_and_downloaded_unchanged(
    visit: Visit, record: Record, certified: str
) -> None:
    audrey = visit(Role.AUDITOR)
    assert "Verified" in audrey.get(f"/tickets/{certified}/certificate").text
    file = audrey.get(f"/tickets/{certified}/certificate.json")
    assert file.data == record.certificates.certificate(certified)
    assert "attachment" in file.headers["Content-Disposition"]
    key = audrey.get(f"/tickets/{certified}/public-key.pub")
    assert key.data.startswith(b"-----BEGIN PUBLIC KEY-----")


def test_one_changed_byte_of_a_certificate_is_seen_in_the_page(
    visit: Visit, record: Record, certified: str
) -> None:
    forged = record.certificates.certificate(certified).replace(b"passed", b"Passed")
    record.objects.put(keys.certificate(certified), forged)
    page = visit(Role.AUDITOR).get(f"/tickets/{certified}/certificate").text
    assert "Does not verify" in page
    assert "altered after signing" in page
    assert "Verified" not in page


def test_a_report_may_style_itself_and_run_nothing(visit: Visit, certified: str) -> None:
    answer = visit(Role.AUDITOR).get(f"/tickets/{certified}/report.html")
    assert answer.data == REPORT
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'")
    assert "script-src" not in policy


def test_a_ticket_without_certificate_has_no_certificate_page(
    visit: Visit, submitted: Callable[..., Ticket]
) -> None:
    answer = visit(Role.AUDITOR).get(f"/tickets/{submitted().id}/certificate")
    assert answer.status_code == 404
    assert "has no certificate yet" in answer.text


def test_versions_are_shown_as_a_chain_and_a_torn_one_is_said(
    visit: Visit, record: Record, model: Version, tmp_path: Path
) -> None:
    second = publish(record, tmp_path, b"second version", parent=model)
    audrey = visit(Role.AUDITOR)
    page = audrey.get(f"/models/{MODEL}").text
    assert page.index(second.digest) < page.index(model.digest)
    assert "lethe models rollback" in page
    assert "not in this line" not in page
    record.objects.remove_all(keys.version(MODEL, 1))
    assert "not in this line" in audrey.get(f"/models/{MODEL}").text


def test_a_version_is_downloaded_byte_for_byte(visit: Visit, model: Version) -> None:
    answer = visit(Role.APPROVER).get(f"/models/{MODEL}/versions/{model.number}/model.onnx")
    assert answer.data == b"first version"
    assert answer.content_length == len(b"first version")
    assert f"{MODEL}-1.onnx" in answer.headers["Content-Disposition"]


def test_of_an_altered_version_not_one_byte_is_sent(
    visit: Visit, record: Record, model: Version
) -> None:
    record.objects.put(model.object("model.onnx"), b"backdoor")
    answer = visit(Role.APPROVER).get(f"/models/{MODEL}/versions/{model.number}/model.onnx")
    assert answer.status_code == 500
    assert "altered or damaged" in answer.text
    assert b"backdoor" not in answer.data


def test_face_sets_and_users_are_listed(visit: Visit, record: Record) -> None:
    record.faces.add("reference", {"p01": [jpeg(1), jpeg(2)], "p02": [jpeg(3)]})
    root = visit(Role.ADMIN)
    assert "2 people, 3 photos" in root.get("/face-sets").text
    page = root.get("/users").text
    assert "<strong>admin</strong>" in page
    assert "argon2" not in page


def test_a_verification_set_shows_its_pairs_and_the_model_that_is_measured_on_it(
    visit: Visit, record: Record
) -> None:
    digests = [sha256(jpeg(seed)) for seed in (1, 2)]
    pairs = [Pair(*digests, True, 0)] * 6000
    record.faces.add("lfw", {}, pairs, [jpeg(1), jpeg(2)])
    record.models.create(Model("door", "reference", "benchmark", ("lfw", "agedb-30")))
    root = visit(Role.ADMIN)
    page = root.get("/face-sets").text
    assert "people not named, 2 photos, 6,000 pairs" in page
    assert "door (verification)" in page
    page = root.get("/models/door").text
    assert "Verification sets: <strong>lfw</strong>, <strong>agedb-30</strong>." in page


@pytest.mark.usefixtures("model")
def test_the_audit_page_names_what_is_broken(
    visit: Visit, record: Record, submitted: Callable[..., Ticket]
) -> None:
    ticket, audrey = submitted(), visit(Role.AUDITOR)
    assert "Every link of the record is intact." in audrey.post("/audit").text
    name = keys.event(ticket.id, 1, ticket.state)
    document = record.objects.get_document(name)
    record.objects.put_document(name, {**document, "number": 2})
    page = audrey.post("/audit").text
    assert f"{name}: the chain of events breaks here" in page
    assert audrey.get(f"/tickets/{ticket.id}").status_code == 500
