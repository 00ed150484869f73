"""Certificates and drawings: verified in the page, downloaded, and trusted no further."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from storage import object_names
from storage.accounts.users import Role
from storage.canonical import canonical, sha256
from storage.certificates.issued import Signer, issue, write_new_key
from storage.models.registry import Version
from storage.record import Record
from storage.settings import Settings
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.storage.bodies import body
from tests.web.conftest import MODEL, Visitor

S = State
Visit = Callable[[Role], Visitor]
WAY = (S.APPROVED, S.PREPARING, S.QUEUED, S.UNLEARNING, S.CERTIFYING, S.PUBLISHING)
SVG = '<svg viewBox="0 0 331.2 180" role="img" aria-label="{}" id="{}"><path d="M0 0"/>{}</svg>'
REPORT = (
    "<!doctype html><style>h1{color:red}</style><h1>Report</h1><script>alert(1)</script>"
    + SVG.format("Errors: 2 &amp; 3 %", "det", "<script>alert(2)</script>")
    + SVG.format("Before &quot;it&quot;", "subject-1-scores-before", "")
    + '<svg id="../../users" aria-label="x" viewBox="0 0 1 1"></svg><svg id="open">'
).encode()


@pytest.fixture
def signer(settings: Settings) -> Signer:
    assert settings.signing_key_file is not None
    write_new_key(settings.signing_key_file)
    return Signer.from_file(settings.signing_key_file)


@pytest.fixture
def certified(
    record: Record, signer: Signer, submitted: Callable[..., Ticket], model: Version, tmp_path: Path
) -> str:
    """A completed ticket, its version, and the certificate and report of both."""
    return completed(record, signer, submitted(then=WAY).id, model, tmp_path)


def completed(
    record: Record,
    signer: Signer,
    ticket: str,
    parent: Version,
    folder: Path,
    previous: str | None = None,
) -> str:
    path = folder / "model.onnx"
    path.write_bytes(ticket.encode())
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        made_by = {"tickets": [ticket]}
        version = record.models.publish(
            MODEL, {"model.onnx": path}, made_by, parent=parent, lease=lease
        )
    certificate = issue(
        body(
            ticket=ticket,
            parent=named(parent),
            version=named(version),
            imported_version=record.models.versions(MODEL)[0].digest,
            previous_certificate=previous,
        ),
        signer,
    )
    record.certificates.keep(ticket, certificate, REPORT, signer)
    record.tickets.move(
        ticket,
        S.COMPLETED,
        "worker",
        result={"verdict": "passed", "version": version.number},
        data={"certificate": sha256(certificate)},
    )
    return ticket


def named(version: Version) -> dict[str, Any]:
    return {"number": version.number, "digest": version.digest, "files": dict(version.files)}


def marks(page: str) -> list[str]:
    """What the page says of each check, in their order."""
    checks = page[page.index('<ul class="checks">') :]
    checks = checks[: checks.index("</ul>")]
    return [item.split('"')[0] for item in checks.split('<li class="')[1:]]


def alter(record: Record, ticket: str, changes: Mapping[str, Any]) -> None:
    """Rewrites a kept certificate as somebody would who does not have the key."""
    envelope = json.loads(record.certificates.certificate(ticket))
    envelope["certificate"] |= changes
    record.objects.put(object_names.certificate(ticket), canonical(envelope))


def test_a_certificate_is_verified_in_the_page_check_by_check_and_downloaded_unchanged(
    visit: Visit, record: Record, certified: str, signer: Signer
) -> None:
    audrey = visit(Role.AUDITOR)
    for part in ("certificate", "certificate/checks"):
        page = audrey.get(f"/tickets/{certified}/{part}").text
        assert "Signature and chain verified, now" in page
        assert marks(page) == ["holds"] * 5
        line = f"--key lethe-{signer.key_id}.pub --ticket {certified}</code>"
        assert f"lethe certificate verify certificate-{certified}.json {line}" in page
    file = audrey.get(f"/tickets/{certified}/certificate.json")
    assert file.data == record.certificates.certificate(certified)
    assert "attachment" in file.headers["Content-Disposition"]
    key = audrey.get(f"/tickets/{certified}/public-key.pub")
    assert key.data.startswith(b"-----BEGIN PUBLIC KEY-----")


def test_the_key_of_a_certificate_that_does_not_verify_can_be_had_to_see_that_elsewhere(
    visit: Visit, record: Record, certified: str
) -> None:
    alter(record, certified, {"seed": 7})
    key = visit(Role.AUDITOR).get(f"/tickets/{certified}/public-key.pub")
    assert key.data.startswith(b"-----BEGIN PUBLIC KEY-----")


@pytest.mark.parametrize("changes", [{"key_id": "0" * 16}, {"key_id": "../users/root"}])
def test_a_key_that_the_record_does_not_have_is_not_found(
    visit: Visit, record: Record, certified: str, changes: dict[str, Any]
) -> None:
    alter(record, certified, changes)
    page = visit(Role.AUDITOR).get(f"/tickets/{certified}/public-key.pub")
    assert page.status_code == 404
    assert "names no key of this record" in page.text


def test_the_tickets_page_shows_where_its_certificate_is_verified(
    visit: Visit, certified: str
) -> None:
    page = visit(Role.AUDITOR).get(f"/tickets/{certified}").text
    assert f'data-fill="/tickets/{certified}/certificate/checks"' in page
    assert f'href="/tickets/{certified}/certificate"' in page
    assert "Verify the certificate" in page


@pytest.mark.parametrize(
    ("changes", "expected", "words"),
    [
        ({"seed": 7}, "holds broken holds holds broken", "altered after signing"),
        ({"verdict": "refused"}, "holds broken broken holds broken", "by its own rules it is"),
        ({"more": 1}, "broken broken unknown unknown unknown", "not the form of a certificate"),
        ({"key_id": "0" * 16}, "holds broken holds holds broken", "does not know"),
    ],
)
def test_of_an_altered_certificate_the_page_says_what_does_not_hold(
    visit: Visit,
    record: Record,
    certified: str,
    changes: dict[str, Any],
    expected: str,
    words: str,
) -> None:
    alter(record, certified, changes)
    page = visit(Role.AUDITOR).get(f"/tickets/{certified}/certificate").text
    assert " ".join(marks(page)) == expected
    assert words in page
    assert "Does not verify" in page
    assert "Do not rely on it" in page
    assert "verified, now" not in page


def test_one_changed_byte_of_a_certificate_is_seen_in_the_page(
    visit: Visit, record: Record, certified: str
) -> None:
    for before, after in ((b"passed", b"Passed"), (b'{"certificate"', b'{"certificat"')):
        forged = record.certificates.certificate(certified).replace(before, after, 1)
        record.objects.put(object_names.certificate(certified), forged)
        page = visit(Role.AUDITOR).get(f"/tickets/{certified}/certificate").text
        assert "Does not verify" in page
        assert "broken" in marks(page)


def test_a_link_that_is_missing_in_the_chain_of_certificates_is_seen(
    visit: Visit,
    record: Record,
    signer: Signer,
    certified: str,
    submitted: Callable[..., Ticket],
    tmp_path: Path,
) -> None:
    before = sha256(record.certificates.certificate(certified))
    parent = record.models.version(MODEL, 2)
    second = completed(record, signer, submitted(then=WAY).id, parent, tmp_path, before)
    path, audrey = f"/tickets/{second}/certificate", visit(Role.AUDITOR)
    assert marks(audrey.get(path).text) == ["holds"] * 5
    record.objects.remove_all(object_names.certificate(certified))
    page = audrey.get(path).text
    assert marks(page) == ["holds", "holds", "holds", "broken", "holds"]
    assert "a link is missing" in page


def test_a_certificate_of_another_ticket_is_seen_to_be_none_of_this_one(
    visit: Visit, record: Record, certified: str, submitted: Callable[..., Ticket]
) -> None:
    other = submitted(then=WAY).id
    record.objects.put(object_names.certificate(other), record.certificates.certificate(certified))
    page = visit(Role.AUDITOR).get(f"/tickets/{other}/certificate").text
    assert marks(page) == ["holds", "holds", "holds", "holds", "broken"]
    assert "replayed or misplaced" in page


def test_a_report_may_style_itself_and_run_nothing(visit: Visit, certified: str) -> None:
    answer = visit(Role.AUDITOR).get(f"/tickets/{certified}/report.html")
    assert answer.data == REPORT
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'")
    assert "script-src" not in policy


def test_drawings_of_the_report_are_images_that_say_what_they_show(
    visit: Visit, certified: str
) -> None:
    audrey = visit(Role.AUDITOR)
    page = audrey.get(f"/tickets/{certified}").text
    assert f'src="/tickets/{certified}/drawings/det.svg" width="331" height="180"' in page
    assert 'alt="Errors: 2 &amp; 3 %"' in page
    assert 'alt="Before &#34;it&#34;"' in page
    assert page.count("/drawings/") == 2
    assert "alert(" not in page
    answer = audrey.get(f"/tickets/{certified}/drawings/det.svg")
    assert answer.mimetype == "image/svg+xml"
    assert 'xmlns="http://www.w3.org/2000/svg"' in answer.text


def test_a_drawing_at_its_own_address_may_run_and_load_nothing(
    visit: Visit, certified: str
) -> None:
    audrey = visit(Role.AUDITOR)
    answer = audrey.get(f"/tickets/{certified}/drawings/det.svg")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("nobody", "open", "..%2f..%2fusers", "det%00", "DET"):
        assert audrey.get(f"/tickets/{certified}/drawings/{name}.svg").status_code == 404


def test_a_report_without_drawings_leaves_the_page_without_any(
    visit: Visit, record: Record, certified: str
) -> None:
    record.objects.put(object_names.report(certified), b"<h1>An old report</h1>")
    page = visit(Role.AUDITOR).get(f"/tickets/{certified}").text
    assert "Before and after" not in page
    assert "Verify the certificate" in page


def test_a_ticket_without_certificate_has_no_certificate_page(
    visit: Visit, submitted: Callable[..., Ticket]
) -> None:
    answer = visit(Role.AUDITOR).get(f"/tickets/{submitted().id}/certificate")
    assert answer.status_code == 404
    assert "has no certificate yet" in answer.text
