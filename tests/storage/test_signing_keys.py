"""Key files: how a new one is kept, and how a wrong one is refused."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from storage.certificates.signing import (
    BadCertificate,
    BadKey,
    Signer,
    opened,
    parse_public_key,
    read_public_key,
    write_new_key,
)
from storage.settings import BadSettings, Settings, settings

_PUBLIC = (
    ed25519.Ed25519PrivateKey.generate()
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
)


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _pem(
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
    encryption: KeySerializationEncryption = NoEncryption(),  # noqa: B008 - it has no state
) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_a_new_private_key_is_readable_by_its_owner_alone(tmp_path: Path):
    write_new_key(tmp_path / "key.pem")
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_new_key_never_overwrites_an_old_one(tmp_path: Path):
    path = tmp_path / "key.pem"
    write_new_key(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        write_new_key(path)
    assert path.read_bytes() == before


def test_what_the_private_key_signs_its_public_file_verifies(tmp_path: Path):
    write_new_key(tmp_path / "key.pem")
    signer = Signer.from_file(tmp_path / "key.pem")
    (tmp_path / "key.pub").write_bytes(signer.public_pem())
    key = read_public_key(tmp_path / "key.pub")
    assert opened(signer.sign({"a": 1}), key, "c.json")["a"] == 1


def test_an_encrypted_key_is_refused_with_a_line(tmp_path: Path):
    path = tmp_path / "key.pem"
    encryption = BestAvailableEncryption(b"secret")
    path.write_bytes(_pem(ed25519.Ed25519PrivateKey.generate(), encryption))
    with pytest.raises(BadKey, match=r"key\.pem: not an unencrypted private key"):
        Signer.from_file(path)


def test_an_rsa_key_is_refused_with_a_line_that_says_how_to_make_one(
    tmp_path: Path, rsa_key: rsa.RSAPrivateKey
):
    path = tmp_path / "key.pem"
    path.write_bytes(_pem(rsa_key))
    with pytest.raises(BadKey, match=r"key\.pem: not an Ed25519 key; .*openssl genpkey"):
        Signer.from_file(path)
    public = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(BadKey, match=r"key.pub: not an Ed25519 public key"):
        parse_public_key(public, "key.pub")


@pytest.mark.parametrize("data", [b"", b"not a key", _PUBLIC, bytes(range(256))])
def test_what_is_no_private_key_is_refused(tmp_path: Path, data: bytes):
    path = tmp_path / "key.pem"
    path.write_bytes(data)
    with pytest.raises(BadKey, match=r"key\.pem: not an unencrypted private key"):
        Signer.from_file(path)


def test_a_key_is_read_from_the_environment_as_pem_or_as_base64_of_it(tmp_path: Path):
    write_new_key(tmp_path / "key.pem")
    pem = (tmp_path / "key.pem").read_text()
    wrapped = base64.encodebytes(pem.encode()).decode()
    for text in (pem, f"\n{pem}\n", base64.b64encode(pem.encode()).decode(), wrapped):
        signer = Signer.given(SecretStr(text), None)
        assert signer.key_id == Signer.given(None, tmp_path / "key.pem").key_id


@pytest.mark.parametrize(
    "text", ["", "hunter2", "aHVudGVyMg==", "-----BEGIN hunter2", "hunter2\u00e9", "/" * 4000]
)
def test_a_variable_that_holds_no_key_is_refused_without_repeating_it(text: str):
    with pytest.raises(BadKey, match=r"^LETHE_SIGNING_KEY: ") as error:
        Signer.given(SecretStr(text), None)
    assert "hunter2" not in str(error.value)


def test_a_file_and_a_variable_together_are_refused(tmp_path: Path):
    with pytest.raises(BadKey, match="both are set"):
        Signer.given(SecretStr("x"), tmp_path / "key.pem")


def test_settings_refuse_two_keys_and_take_an_empty_variable_for_none(
    monkeypatch: pytest.MonkeyPatch,
):
    for name in [name for name in os.environ if name.startswith("LETHE_")]:
        monkeypatch.delenv(name)
    for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.setenv(f"LETHE_S3_{name}", "http://127.0.0.1:9")
    monkeypatch.setenv("LETHE_SIGNING_KEY_FILE", "/keys/certificates.pem")
    monkeypatch.setenv("LETHE_SIGNING_KEY", "")
    assert Settings().signing_key is None
    monkeypatch.setenv("LETHE_SIGNING_KEY", "hunter2")
    settings.cache_clear()
    with pytest.raises(BadSettings, match=r"LETHE_SIGNING_KEY_FILE: .*unset one") as error:
        settings()
    assert "hunter2" not in str(error.value)
    monkeypatch.setenv("LETHE_SIGNING_KEY_FILE", "")
    assert Settings().signing_key_file is None
    assert "hunter2" not in repr(Settings())
    settings.cache_clear()


def test_a_missing_key_names_the_variable_to_set(tmp_path: Path):
    for path in (None, tmp_path / "none.pem", tmp_path):
        with pytest.raises(BadKey, match="LETHE_SIGNING_KEY_FILE"):
            Signer.from_file(path)
    with pytest.raises(BadKey, match=r"none.pub: No such file"):
        read_public_key(tmp_path / "none.pub")


@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda data: _PUBLIC[:60] + data))
def test_any_bytes_are_a_public_key_or_refused_by_name(data: bytes):
    try:
        parse_public_key(data, "key.pub")
        line = "key.pub: "
    except BadKey as error:
        line = str(error)
    assert line.startswith("key.pub: ")


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_public_key_never_verifies(place: int, value: int):
    signer = Signer(ed25519.Ed25519PrivateKey.generate())
    data = bytearray(signer.public_pem())
    data[place % len(data)] = value
    try:
        found = parse_public_key(bytes(data), "key.pub")
    except BadKey:
        return
    raw = found.public_bytes(Encoding.Raw, PublicFormat.Raw)
    same = raw == signer.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    if not same:
        with pytest.raises(BadCertificate):
            opened(signer.sign({"a": 1}), found, "c.json")
