"""Ed25519 keys (RFC 8032), and documents signed with them as canonical JSON (RFC 8785)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from storage.canonical import Corrupt, Document, canonical, parse
from storage.errors import BadInput

ALGORITHM = "Ed25519"
KEY_ID = r"^[0-9a-f]{16}$"
_BEGIN = "-----BEGIN"  # of every PEM text
_MAKE_ONE = "make one: openssl genpkey -algorithm ed25519"


class BadCertificate(BadInput):
    """A certificate that does not verify, and why."""


class BadKey(BadInput):
    """A key that cannot be used."""


@dataclass(frozen=True)
class Signer:
    """The key that certificates are signed with."""

    key: Ed25519PrivateKey

    @classmethod
    def given(cls, text: SecretStr | None, file: Path | None) -> Signer:
        """From ``LETHE_SIGNING_KEY`` or ``LETHE_SIGNING_KEY_FILE``, whichever is set.

        Raises:
            BadKey: neither, both, or not an unencrypted Ed25519 key in PEM.
        """
        if text is not None and file is not None:
            raise BadKey("LETHE_SIGNING_KEY and LETHE_SIGNING_KEY_FILE: both are set; unset one")
        return cls.from_text(text) if text is not None else cls.from_file(file)

    @classmethod
    def from_file(cls, path: Path | None) -> Signer:
        """
        Raises:
            BadKey: no file, or not an unencrypted Ed25519 key in PEM.
        """
        if path is None:
            raise BadKey(
                "no signing key: set LETHE_SIGNING_KEY_FILE to an Ed25519 key in PEM, "
                "or LETHE_SIGNING_KEY to its text"
            )
        try:
            return cls._parse(path.read_bytes(), str(path))
        except OSError as error:
            raise BadKey(f"{path}: {error.strerror}; set LETHE_SIGNING_KEY_FILE") from None

    @classmethod
    def from_text(cls, text: SecretStr) -> Signer:
        """From PEM, or from base64 of it: many a secret store keeps no line breaks.

        Raises:
            BadKey: neither; no part of the text is repeated.
        """
        pem = text.get_secret_value().strip()
        if not pem.startswith(_BEGIN):
            try:
                pem = base64.b64decode("".join(pem.split()), validate=True).decode("ascii")
            except ValueError:
                raise BadKey("LETHE_SIGNING_KEY: neither PEM nor base64 of it") from None
        return cls._parse(pem.encode(), "LETHE_SIGNING_KEY")

    @classmethod
    def _parse(cls, pem: bytes, name: str) -> Signer:
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise BadKey(f"{name}: not an unencrypted private key in PEM; {_MAKE_ONE}") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise BadKey(f"{name}: not an Ed25519 key; {_MAKE_ONE}")
        return cls(key)

    @property
    def key_id(self) -> str:
        return key_id(self.key.public_key())

    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def named(self, body: Document) -> Document:
        """``body`` as it is signed: it names the key."""
        return {**body, "key_id": self.key_id, "algorithm": ALGORITHM}

    def sign(self, body: Document) -> bytes:
        """``body`` and its signature, as canonical JSON. See ``certificates.issue``."""
        signed = self.named(body)
        signature = self.key.sign(canonical(signed))
        envelope = {"certificate": signed, "signature": base64.b64encode(signature).decode()}
        return canonical(envelope)


def write_new_key(path: Path) -> None:
    """Makes an Ed25519 key readable by its owner alone."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(pem)


def key_id(key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the SHA-256 of the raw public key."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def read_public_key(path: Path) -> Ed25519PublicKey:
    """
    Raises:
        BadKey
    """
    try:
        return parse_public_key(path.read_bytes(), str(path))
    except OSError as error:
        raise BadKey(f"{path}: {error.strerror}") from None


def parse_public_key(data: bytes, name: str) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(f"{name}: not a public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{name}: not an Ed25519 public key")
    return key


def opened(data: bytes, key: Ed25519PublicKey, name: str) -> Document:
    """What ``Signer.sign`` signed, once its signature holds. Says nothing of its form.

    Raises:
        BadCertificate: says what does not hold.
    """
    try:
        envelope = parse(data, name)
    except Corrupt as error:
        raise BadCertificate(f"{error}; the file is damaged") from None
    body, text = envelope.get("certificate"), envelope.get("signature")
    if set(envelope) != {"certificate", "signature"} or not isinstance(body, dict):
        raise BadCertificate(f"{name}: not a certificate of Lethe")
    claimed = body.get("key_id")
    if body.get("algorithm") != ALGORITHM or claimed != key_id(key):
        shown = claimed if isinstance(claimed, str) and re.fullmatch(KEY_ID, claimed) else "unknown"
        raise BadCertificate(
            f"{name}: signed with key {shown}, "
            f"and the key given is {key_id(key)}; use the key it was signed with"
        )
    try:
        if canonical(envelope) != data:
            raise BadCertificate(f"{name}: not canonical JSON (RFC 8785): altered or re-saved")
        signature = base64.b64decode(str(text), validate=True)
        if base64.b64encode(signature).decode() != text:
            raise InvalidSignature  # base64 ignores the last bits of its last letter
        key.verify(signature, canonical(body))
    except (InvalidSignature, binascii.Error, ValueError, RecursionError):
        raise BadCertificate(
            f"{name}: the signature does not match: altered after signing"
        ) from None
    return body


def claimed_key(data: bytes, name: str) -> str:
    """The key id that a certificate names, before anything in it is verified.

    Raises:
        BadCertificate: it names none.
    """
    try:
        claimed = parse(data, name)["certificate"]["key_id"]
    except (Corrupt, KeyError, TypeError):
        raise BadCertificate(f"{name}: not a certificate of Lethe, or damaged") from None
    if not isinstance(claimed, str) or not re.fullmatch(KEY_ID, claimed):
        raise BadCertificate(f"{name}: names no key; the file is damaged")
    return claimed
