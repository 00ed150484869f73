"""Certificates: issued and verified by form, signature and verdict; kept beside their keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from storage import names, object_names
from storage.canonical import Document
from storage.certificates.chain import Link
from storage.certificates.form import form_of
from storage.certificates.signing import (
    BadCertificate,
    BadKey,
    Signer,
    claimed_key,
    opened,
    parse_public_key,
    read_public_key,
    write_new_key,
)
from storage.certificates.verdict import check_verdict
from storage.errors import BadInput
from storage.store.objects import ObjectMissing, ObjectStore

__all__ = [
    "BadCertificate",
    "BadKey",
    "Certificates",
    "KeyUse",
    "NoSuchCertificate",
    "Signer",
    "issue",
    "read_public_key",
    "verify",
    "write_new_key",
]


class NoSuchCertificate(BadInput):
    """The ticket has no certificate."""


def issue(body: Document, signer: Signer) -> bytes:
    """The certificate file of a body that has its form and whose verdict follows.

    Raises:
        BadCertificate: says what is wrong with it; nothing is signed.
    """
    name = f"certificate of ticket {body.get('ticket')!s:.32}"
    check_verdict(form_of(signer.named(body), name), name)
    return signer.sign(body)


def verify(data: bytes, key: Ed25519PublicKey, name: str) -> Document:
    """The certificate's body, once its signature and form hold and its verdict follows.

    Raises:
        BadCertificate: says what does not hold.
    """
    body = opened(data, key, name)
    check_verdict(form_of(body, name), name)
    return body


@dataclass(frozen=True)
class KeyUse:
    """A public key in the record, and the certificates signed with it."""

    key_id: str
    certificates: int
    first: str | None  # ISO 8601, UTC; None where it signed none
    last: str | None


class Certificates:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def keep(self, ticket: str, certificate: bytes, report: bytes, signer: Signer) -> None:
        """Writes certificate, report and the public key that verifies them.

        The certificate comes last: where there is one, all of it is there.
        """
        self._objects.put(object_names.public_key(signer.key_id), signer.public_pem())
        self._objects.put(object_names.report(names.ticket_id(ticket)), report, "text/html")
        self._objects.put(object_names.certificate(ticket), certificate, "application/json")

    def certificate(self, ticket: str) -> bytes:
        """
        Raises:
            NoSuchCertificate
        """
        return self._get(object_names.certificate(names.ticket_id(ticket)), ticket)

    def report(self, ticket: str) -> bytes:
        """
        Raises:
            NoSuchCertificate
        """
        return self._get(object_names.report(names.ticket_id(ticket)), ticket)

    def has(self, ticket: str) -> bool:
        return self._objects.exists(object_names.certificate(names.ticket_id(ticket)))

    def check(self, ticket: str) -> Document:
        """The body of a kept certificate, verified with the key kept for its key id.

        Raises:
            NoSuchCertificate, BadCertificate
        """
        return self._verified(ticket, self.certificate(ticket))

    def link(self, ticket: str) -> Link:
        """A kept certificate, verified, as a link of its model's chain.

        Raises:
            NoSuchCertificate, BadCertificate
        """
        data, name = self.certificate(ticket), object_names.certificate(ticket)
        return Link.of(data, form_of(self._verified(ticket, data), name), name)

    def links(self, tickets: Sequence[str]) -> list[Link]:
        """Those of the tickets that have a certificate, in their order.

        Raises:
            BadCertificate
        """
        return [self.link(ticket) for ticket in tickets if self.has(ticket)]

    def recorded(self) -> list[str]:
        """Ids of the tickets that have certificates."""
        return [
            name.removeprefix(object_names.CERTIFICATES).removesuffix(".json")
            for name in self._objects.names(object_names.CERTIFICATES)
            if name.endswith(".json")
        ]

    def key_uses(self) -> list[KeyUse]:
        """Every public key in the record, the one used last at the end.

        Raises:
            BadCertificate: a certificate in the record does not verify.
        """
        used: dict[str, list[str]] = {
            name.removeprefix(object_names.PUBLIC_KEYS).removesuffix(".pub"): []
            for name in self._objects.names(object_names.PUBLIC_KEYS)
        }
        for body in map(self.check, self.recorded()):
            used[str(body["key_id"])].append(str(body["created_at"]))
        found = [
            KeyUse(key_id, len(at), min(at, default=None), max(at, default=None))
            for key_id, at in used.items()
        ]
        return sorted(found, key=lambda use: (use.last or "", use.key_id))

    def _verified(self, ticket: str, data: bytes) -> Document:
        name = object_names.certificate(ticket)
        key_id = claimed_key(data, name)
        try:
            pem = self._objects.get(object_names.public_key(key_id))
        except ObjectMissing:
            raise BadCertificate(
                f"{name}: signed with key {key_id}, which this record does not know: "
                f"{object_names.public_key(key_id)} is missing"
            ) from None
        body = verify(data, parse_public_key(pem, object_names.public_key(key_id)), name)
        if body["ticket"] != ticket:
            raise BadCertificate(
                f"{name}: the certificate of ticket {body['ticket']}: replayed or misplaced"
            )
        return body

    def _get(self, name: str, ticket: str) -> bytes:
        try:
            return self._objects.get(name)
        except ObjectMissing:
            raise NoSuchCertificate(f"ticket {ticket}: has no certificate yet") from None
