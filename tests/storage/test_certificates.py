"""Certificates: what is signed verifies, and nothing else does."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storage.canonical import canonical
from storage.certificates.issued import BadCertificate, NoSuchCertificate, Signer, issue
from storage.certificates.signing import opened
from storage.names import new_ticket_id
from storage.record import Record
from tests.storage.bodies import body

BODY = {"ticket": "t000000000000", "verdict": "certified", "tmr": 0.05, "counts": [1, 2, 3]}
_same_signer = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def _verify(data: bytes, signer: Signer) -> dict:
    return opened(data, signer.key.public_key(), "c.json")


def _refused(data: bytes, signer: Signer) -> str:
    with pytest.raises(BadCertificate, match=r"^c\.json: ") as error:
        _verify(data, signer)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_a_signed_certificate_verifies_and_gives_its_body(signer: Signer):
    found = _verify(signer.sign(BODY), signer)
    assert found == {**BODY, "key_id": signer.key_id, "algorithm": "Ed25519"}


def test_every_flipped_bit_is_refused(signer: Signer):
    data = signer.sign(BODY)
    for bit in range(len(data) * 8):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        _refused(bytes(altered), signer)


@_same_signer
@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_every_changed_byte_is_refused(signer: Signer, place: int, value: int):
    data = bytearray(signer.sign(BODY))
    place %= len(data)
    if data[place] == value:
        value = (value + 1) % 256
    data[place] = value
    _refused(bytes(data), signer)


@_same_signer
@given(data=st.binary(max_size=200))
@example(data=b"")
@example(data=b"{}")
@example(data=b"[]")
@example(data=b'{"certificate":{},"signature":""}')
@example(data=b'{"certificate":1,"signature":1}')
@example(data="{}".encode("utf-16"))
def test_any_other_bytes_are_refused(signer: Signer, data: bytes):
    _refused(data, signer)


def test_every_truncation_is_refused(signer: Signer):
    data = signer.sign(BODY)
    for length in range(len(data)):
        _refused(data[:length], signer)


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda data: json.dumps(json.loads(data), indent=2).encode(),
        lambda data: data + b"\n",
        lambda data: b" " + data,
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.decode().encode("utf-16"),
        lambda data: json.dumps(json.loads(data), sort_keys=False).encode(),
        lambda data: data.replace(b"certified", b"\\u0063ertified"),
        lambda data: data.replace(b"0.05", b"5e-2"),
    ],
)
def test_a_file_saved_again_in_another_form_is_refused(
    signer: Signer, rewrite: Callable[[bytes], bytes]
):
    assert rewrite(signer.sign(BODY)) != signer.sign(BODY)
    _refused(rewrite(signer.sign(BODY)), signer)


def test_a_name_given_twice_is_refused(signer: Signer):
    data = signer.sign(BODY)
    for pair in (b'"verdict":"refused",', b'"verdict":"certified",'):
        _refused(data.replace(b'"verdict":', pair + b'"verdict":'), signer)
    _refused(data.replace(b'{"certificate":', b'{"certificate":{},"certificate":'), signer)


@pytest.mark.parametrize(
    "value",
    [b"NaN", b"Infinity", b"-Infinity", b"9007199254740993", b"1" + b"0" * 400, b"9" * 5000]
    + [b"1e400", b'"\\ud800"', b"[" * 5000 + b"]" * 5000],
)
def test_values_that_canonical_json_cannot_carry_are_refused(signer: Signer, value: bytes):
    data = signer.sign(BODY)
    _refused(data.replace(b"0.05", value), signer)
    _refused(data.replace(b'"Ed25519"', value), signer)
    _refused(data.replace(f'"{signer.key_id}"'.encode(), value), signer)


def test_nesting_of_any_depth_is_refused(signer: Signer):
    data = signer.sign(BODY)
    for depth in [10, 100, 500, *range(880, 1000)]:
        nested = b"[" * depth + b"]" * depth
        _refused(data.replace(b"0.05", nested), signer)
        _refused(data.replace(f'"{signer.key_id}"'.encode(), nested), signer)


def test_another_key_refuses_it_and_says_which_key_is_needed(signer: Signer):
    other = Signer(Ed25519PrivateKey.generate())
    line = _refused(signer.sign(BODY), other)
    assert signer.key_id in line
    assert other.key_id in line


def test_a_body_signed_by_another_key_under_this_key_id_is_refused(signer: Signer):
    other = Signer(Ed25519PrivateKey.generate())
    body = {**BODY, "key_id": signer.key_id, "algorithm": "Ed25519"}
    signature = base64.b64encode(other.key.sign(canonical(body))).decode()
    assert "signature" in _refused(canonical({"certificate": body, "signature": signature}), signer)


def test_the_body_cannot_choose_another_algorithm(signer: Signer):
    body = {**BODY, "key_id": signer.key_id, "algorithm": "none"}
    _refused(canonical({"certificate": body, "signature": ""}), signer)


def test_a_key_id_with_line_breaks_or_terminal_codes_stays_one_plain_line(signer: Signer):
    body = {**BODY, "key_id": "x\n\x1b[2Jverified", "algorithm": "Ed25519"}
    line = _refused(canonical({"certificate": body, "signature": ""}), signer)
    assert line.isprintable()


def test_a_kept_certificate_is_checked_with_the_key_kept_beside_it(record: Record, signer: Signer):
    ticket = new_ticket_id()
    data = issue(body(ticket=ticket), signer)
    record.certificates.keep(ticket, data, b"<p>report</p>", signer)
    assert record.certificates.check(ticket)["ticket"] == ticket
    assert record.certificates.report(ticket) == b"<p>report</p>"
    assert record.certificates.recorded() == [ticket]


def test_certificates_of_a_key_that_was_replaced_verify_beside_those_of_the_new_one(
    record: Record, signer: Signer
):
    new, (first, second) = Signer(Ed25519PrivateKey.generate()), (new_ticket_id(), new_ticket_id())
    for ticket, key, day in ((first, signer, "01"), (second, new, "02")):
        made = body(ticket=ticket, created_at=f"2026-01-{day}T00:00:00+00:00")
        record.certificates.keep(ticket, issue(made, key), b"", key)
    assert record.certificates.check(first)["key_id"] == signer.key_id
    assert record.certificates.check(second)["key_id"] == new.key_id
    old_use, new_use = record.certificates.key_uses()
    assert (old_use.key_id, old_use.certificates) == (signer.key_id, 1)
    assert old_use.first == old_use.last == "2026-01-01T00:00:00+00:00"
    assert new_use.key_id == new.key_id


def test_a_public_key_under_the_name_of_another_verifies_nothing(record: Record, signer: Signer):
    ticket, other = new_ticket_id(), Signer(Ed25519PrivateKey.generate())
    record.certificates.keep(ticket, issue(body(ticket=ticket), signer), b"", signer)
    record.objects.put(f"keys/{signer.key_id}.pub", other.public_pem())
    with pytest.raises(BadCertificate, match=f"{signer.key_id}.*{other.key_id}"):
        record.certificates.check(ticket)


def test_a_ticket_without_one_says_so(record: Record):
    with pytest.raises(NoSuchCertificate, match="has no certificate yet"):
        record.certificates.check(new_ticket_id())


def test_the_certificate_of_another_ticket_is_refused(record: Record, signer: Signer):
    mine, other = new_ticket_id(), new_ticket_id()
    record.certificates.keep(mine, issue(body(ticket=other), signer), b"", signer)
    with pytest.raises(BadCertificate, match=f"{mine}.*{other}"):
        record.certificates.check(mine)


@pytest.mark.parametrize(
    "data",
    [b"[]", b'{"certificate":[]}', b'{"certificate":{"key_id":"../users/ada"}}']
    + [b'{"certificate":{"key_id":""}}', b'{"certificate":{"key_id":"%s"}}' % (b"a" * 5000)],
)
def test_a_kept_file_that_names_no_key_is_refused_by_name(record: Record, data: bytes):
    ticket = new_ticket_id()
    record.objects.put(f"certificates/{ticket}.json", data)
    with pytest.raises(BadCertificate, match=f"certificates/{ticket}.json"):
        record.certificates.check(ticket)
