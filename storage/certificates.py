"""Certificates: RFC 8785 canonical JSON under an Ed25519 signature (RFC 8032)."""

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

from storage import keys, names
from storage.canonical import Corrupt, Document, canonical, parse
from storage.errors import BadInput
from storage.objects import ObjectMissing, ObjectStore

ALGORITHM = "Ed25519"
_KEY_ID = re.compile(r"[0-9a-f]{16}")


class BadCertificate(BadInput):
    """A certificate that does not verify, and why."""


class BadKey(BadInput):
    """A key file that cannot be used."""


class NoSuchCertificate(BadInput):
    """The ticket has no certificate."""


@dataclass(frozen=True)
class Signer:
    """The key that certificates are signed with."""

    key: Ed25519PrivateKey

    @classmethod
    def from_file(cls, path: Path | None) -> Signer:
        """
        Raises:
            BadKey: no file, or not an unencrypted Ed25519 key in PEM.
        """
        if path is None:
            raise BadKey("no signing key: set LETHE_SIGNING_KEY_FILE to an Ed25519 key in PEM")
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise BadKey(f"{path}: {error.strerror}; set LETHE_SIGNING_KEY_FILE") from None
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise BadKey(f"{path}: not an unencrypted private key in PEM") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise BadKey(
                f"{path}: not an Ed25519 key; make one: openssl genpkey -algorithm ed25519"
            )
        return cls(key)

    @property
    def key_id(self) -> str:
        return key_id(self.key.public_key())

    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, body: Document) -> bytes:
        """The certificate file: ``body`` and its signature, as canonical JSON."""
        signed = {**body, "key_id": self.key_id, "algorithm": ALGORITHM}
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


def verify(data: bytes, key: Ed25519PublicKey, name: str) -> Document:
    """The certificate's body, once its form and signature hold.

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
        shown = claimed if isinstance(claimed, str) and _KEY_ID.fullmatch(claimed) else "unknown"
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


def _claimed_key(data: bytes, name: str) -> str:
    """The key id that a certificate names, before anything in it is verified."""
    try:
        claimed = parse(data, name)["certificate"]["key_id"]
    except (Corrupt, KeyError, TypeError):
        raise BadCertificate(f"{name}: not a certificate of Lethe, or damaged") from None
    if not isinstance(claimed, str) or not _KEY_ID.fullmatch(claimed):
        raise BadCertificate(f"{name}: names no key; the file is damaged")
    return claimed


class Certificates:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def keep(self, ticket: str, certificate: bytes, report: bytes, signer: Signer) -> None:
        """Writes certificate, report and the public key that verifies them."""
        self._objects.put(keys.public_key(signer.key_id), signer.public_pem())
        self._objects.put(keys.report(names.ticket_id(ticket)), report, "text/html")
        self._objects.put(keys.certificate(ticket), certificate, "application/json")

    def certificate(self, ticket: str) -> bytes:
        """
        Raises:
            NoSuchCertificate
        """
        return self._get(keys.certificate(names.ticket_id(ticket)), ticket)

    def report(self, ticket: str) -> bytes:
        """
        Raises:
            NoSuchCertificate
        """
        return self._get(keys.report(names.ticket_id(ticket)), ticket)

    def check(self, ticket: str) -> Document:
        """The body of a kept certificate, verified with the key kept for its key id.

        Raises:
            NoSuchCertificate, BadCertificate
        """
        data = self.certificate(ticket)
        name = keys.certificate(ticket)
        key = parse_public_key(self._objects.get(keys.public_key(_claimed_key(data, name))), name)
        body = verify(data, key, name)
        if body.get("ticket") != ticket:
            raise BadCertificate(f"{name}: the certificate of ticket {body.get('ticket')!s:.32}")
        return body

    def recorded(self) -> list[str]:
        """Ids of the tickets that have certificates."""
        return [
            name.removeprefix("certificates/").removesuffix(".json")
            for name in self._objects.names("certificates/")
            if name.endswith(".json")
        ]

    def _get(self, name: str, ticket: str) -> bytes:
        try:
            return self._objects.get(name)
        except ObjectMissing:
            raise NoSuchCertificate(f"ticket {ticket}: has no certificate yet") from None
