"""`lethe certificate verify` holds for the file that was signed, and for no other."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.canonical import file_sha256
from storage.certificates import Signer, write_new_key
from tests.cli.command import OWN_MODEL, Ended, lethe, lethe_process

BODY = {
    "format": 1,
    "ticket": "t-20260101-abcdefgh",
    "model": "door-cameras",
    "verdict": "passed",
    "parent": {"number": 1, "files": {"model.onnx": file_sha256(OWN_MODEL)}},
    "version": {"number": 2, "files": {"model.onnx": "0" * 64}},
}


class Signed:
    """A certificate and the key that verifies it."""

    def __init__(self, folder: Path) -> None:
        private = folder / "certificates.pem"
        write_new_key(private)
        signer = Signer.from_file(private)
        self.data = signer.sign(BODY)
        self.file, self.key = folder / "certificate.json", folder / "certificates.pub"
        self.file.write_bytes(self.data)
        self.key.write_bytes(signer.public_pem())

    def verify(self, *more: str | Path) -> Ended:
        return lethe("certificate", "verify", self.file, "--key", self.key, *more)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return Signed(tmp_path_factory.mktemp("signed"))


def test_a_certificate_verifies_without_a_server(signed: Signed, tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "PATH": ""}
    ended = lethe_process("certificate", "verify", signed.file, "--key", signed.key, env=env)
    assert (ended.status, ended.err) == (0, "")
    assert "signature: holds" in ended.out
    assert "verdict: passed" in ended.out


@given(data=st.data())
def test_one_flipped_bit_anywhere_is_refused(signed: Signed, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(signed.data) - 1))
    flipped = bytearray(signed.data)
    flipped[position] ^= 1 << data.draw(st.integers(0, 7))
    signed.file.write_bytes(flipped)
    try:
        assert str(signed.file) in signed.verify().refusal()
    finally:
        signed.file.write_bytes(signed.data)


@given(length=st.integers(0, 10_000))
def test_a_certificate_that_breaks_off_is_refused(signed: Signed, length: int) -> None:
    signed.file.write_bytes(signed.data[: length % len(signed.data)])
    try:
        assert str(signed.file) in signed.verify().refusal()
    finally:
        signed.file.write_bytes(signed.data)


def test_another_key_is_refused_and_both_keys_are_named(signed: Signed, tmp_path: Path) -> None:
    other = Signed(tmp_path)
    line = lethe("certificate", "verify", signed.file, "--key", other.key).refusal()
    assert line.startswith(f"{signed.file}: signed with key ")
    assert "use the key it was signed with" in line


def test_a_certificate_signed_anew_by_somebody_else_is_refused(
    signed: Signed, tmp_path: Path
) -> None:
    forged = Signed(tmp_path)
    line = lethe("certificate", "verify", forged.file, "--key", signed.key).refusal()
    assert line.startswith(f"{forged.file}: ")


@pytest.mark.parametrize("missing", ["file", "key"])
def test_a_missing_file_is_named(missing: str, signed: Signed, tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    files = {"file": signed.file, "key": signed.key} | {missing: absent}
    line = lethe("certificate", "verify", files["file"], "--key", files["key"]).refusal()
    assert line.startswith(f"{absent}: No such file or directory")


def test_a_private_key_or_a_text_in_place_of_the_public_key_is_refused(
    signed: Signed, tmp_path: Path
) -> None:
    text = tmp_path / "text.pub"
    text.write_bytes(base64.b64encode(bytes(32)))
    for key in (text, signed.file.parent / "certificates.pem"):
        line = lethe("certificate", "verify", signed.file, "--key", key).refusal()
        assert line.startswith(f"{key}: not a public key in PEM")


def test_a_model_file_is_compared_with_the_one_that_was_certified(signed: Signed) -> None:
    ended = signed.verify("--old", OWN_MODEL)
    assert ended.status == 0
    assert "is the certified file" in ended.out
    line = signed.verify("--new", OWN_MODEL).refusal()
    assert line.startswith(f"{signed.file}: certifies a file with SHA-256 000000000000…")
    absent = signed.file.parent / "absent.onnx"
    assert signed.verify("--old", absent).refusal().startswith(f"{absent}: No such file")
