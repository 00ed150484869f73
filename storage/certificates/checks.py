"""A kept certificate, looked at from every side: each check says by itself whether it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from storage import object_names
from storage.canonical import Corrupt, Document, parse, sha256
from storage.certificates.chain import tickets_of
from storage.certificates.form import Certificate, form_of
from storage.certificates.issued import NoSuchCertificate
from storage.certificates.signing import (
    BadCertificate,
    BadKey,
    claimed_key,
    opened,
    parse_public_key,
)
from storage.certificates.verdict import check_verdict
from storage.errors import BadInput
from storage.record import Record
from storage.store.objects import ObjectMissing
from storage.tickets.ticket import Ticket


class Check(StrEnum):
    FORM = "form"  # every field there, of its kind, and no other
    SIGNATURE = "signature"  # Ed25519, by a key of this record
    VERDICT = "verdict"  # follows from the figures and rules in it
    CHAIN = "chain"  # the certificate before it is there and verifies, or it is the first
    RECORD = "record"  # of this ticket and of the version in the record


@dataclass(frozen=True)
class Outcome:
    check: Check
    holds: bool | None  # None: cannot be told, for another one does not hold
    why: str = ""  # what does not hold


@dataclass(frozen=True)
class Examination:
    ticket: str
    outcomes: tuple[Outcome, ...]  # in the order of ``Check``
    body: Document | None  # None where form or signature does not hold: nothing in it counts

    @property
    def verified(self) -> bool:
        return all(outcome.holds for outcome in self.outcomes)


def examine(record: Record, ticket: str) -> Examination:
    """
    Raises:
        NoSuchCertificate, NoSuchTicket
    """
    name = object_names.certificate(ticket)
    try:
        data = record.certificates.certificate(ticket)
    except Corrupt as error:  # the store has other bytes than were written
        damaged = Outcome(Check.FORM, False, str(error).removeprefix(f"{name}: "))
        others = (Outcome(check, None) for check in Check if check is not Check.FORM)
        return Examination(ticket, (damaged, *others), None)
    body, form = _parsed(data, name)
    look: dict[Check, Callable[[], object]] = {Check.SIGNATURE: lambda: _signed(record, data, name)}
    if body is not None:
        look[Check.FORM] = lambda: form_of(body, name)
    if form is not None:
        look[Check.VERDICT] = lambda: check_verdict(form, name)
        look[Check.CHAIN] = lambda: _follows(record, form, name)
        look[Check.RECORD] = lambda: _recorded(record, form, ticket, data, name)
    outcomes = tuple(_outcome(check, look.get(check), name) for check in Check)
    sound = all(outcome.holds for outcome in outcomes[:2])
    return Examination(ticket, outcomes, body if sound else None)


def _outcome(check: Check, look: Callable[[], object] | None, name: str) -> Outcome:
    if look is None:
        damaged = "the file is damaged" if check is Check.FORM else ""
        return Outcome(check, False if check is Check.FORM else None, damaged)
    try:
        look()
    except (BadInput, Corrupt) as error:  # of what was looked at, whatever it is
        return Outcome(check, False, str(error).removeprefix(f"{name}: "))
    return Outcome(check, True)


def _parsed(data: bytes, name: str) -> tuple[Document | None, Certificate | None]:
    """Body and form, before anything in them is believed."""
    try:
        body = parse(data, name).get("certificate")
        if not isinstance(body, dict):
            return None, None
        return body, form_of(body, name)
    except Corrupt:
        return None, None
    except BadCertificate:
        return body, None


def _signed(record: Record, data: bytes, name: str) -> None:
    key_id = claimed_key(data, name)
    file = object_names.public_key(key_id)
    try:
        pem = record.objects.get(file)
    except ObjectMissing:
        raise BadKey(f"signed with key {key_id}, which this record does not know") from None
    opened(data, parse_public_key(pem, file), name)


def _follows(record: Record, form: Certificate, name: str) -> None:
    """Is the certificate that it names there, and does that one verify?"""
    previous = form.previous_certificate
    if previous is None:
        imported = getattr(form, "imported_version", form.parent.digest)  # format 1 names none
        if form.parent.digest != imported:
            raise BadCertificate(f"{name}: says that it is the first, and its parent is no import")
        return
    versions = record.models.versions(form.model)
    for ticket in reversed(tickets_of(versions)):
        try:
            found = record.certificates.certificate(ticket)
        except NoSuchCertificate:
            continue
        if sha256(found) == previous:
            record.certificates.check(ticket)
            return
    raise BadCertificate(
        f"{name}: names a certificate before it with SHA-256 {previous[:12]}…, "
        "and that one is not in the record: a link is missing or altered"
    )


def _recorded(record: Record, form: Certificate, ticket: str, data: bytes, name: str) -> None:
    if form.ticket != ticket:
        raise BadCertificate(f"{name}: of ticket {form.ticket}: replayed or misplaced")
    events = record.tickets.events(ticket)
    model = Ticket.replay(events).model
    if form.model != model:
        raise BadCertificate(f"{name}: of model {form.model}, and the ticket is for {model}")
    named = [event.data["certificate"] for event in events if "certificate" in event.data]
    if named and named[-1] != sha256(data):
        raise BadCertificate(f"{name}: not the file whose digest the ticket's events hold")
    version = record.models.version(form.model, form.version.number)
    if version.digest != form.version.digest:
        raise BadCertificate(
            f"{name}: of another version {form.version.number} than the record has"
        )
