"""Publishing: the next version, a certificate for each ticket, and the photos gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from storage import keys
from storage.canonical import Document
from storage.certificates.chain import Link, last, tickets_of
from storage.certificates.issued import BadCertificate, Signer, issue
from storage.certificates.photo_digests import PhotoDigests
from storage.leases import Lease
from storage.models.registry import MODEL_FILE, Version
from storage.record import Record
from storage.tickets.photos import manifest_of
from storage.tickets.progress import Progress
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from workers.attempts import ACTOR
from workers.certification import Certification, certificate_body, report_html
from workers.run import NoPhotos, Run
from workers.task_context import certificate_of

WRITTEN = 0.5  # of the stage is done, about, when the version is


def publish(
    record: Record, run: Run, certification: Certification, new: Path, lease: Lease
) -> None:
    """certifying → publishing → completed.

    The figures are in the events before the version is, so that a run killed in between is
    finished from the record, without a second version.
    """
    for ticket, subject in zip(run.tickets, run.subjects, strict=True):
        own = certification.for_subject(subject.reference)
        facts = {
            "certification": own.document(),
            "drawings": own.drawings(),
            "result": {"verdict": own.verdict, "headline": own.headline, "summary": own.summary()},
            "parent": run.version.number,
            "face_sets": {"reference": run.reference.digest, "benchmark": run.benchmark.digest},
            "seed": run.seed,
        }
        record.tickets.move(ticket.id, State.PUBLISHING, ACTOR, data={"facts": facts})
        record.progress.show(ticket.id, Progress("publishing", 0.0, "writing the new version"))
    made_by = {
        "tickets": [ticket.id for ticket in run.tickets],
        "method": run.method,
        "seed": run.seed,
        "software": f"lethe {package_version('lethe')}",
    }
    version = record.models.publish(
        run.version.model, {MODEL_FILE: new}, made_by, parent=run.version, lease=lease
    )
    chain = _chain(record, version.model)
    for number, ticket in enumerate(run.tickets):
        share = number / len(run.tickets)
        shown = Progress("publishing", WRITTEN + (1 - WRITTEN) * share, "signing the certificate")
        record.progress.show(ticket.id, shown)
        with certificate_of(record, ticket.id, version.model, version.number):
            _complete(record, ticket.id, version, chain, lease)


def finish(record: Record, model: str, tickets: Sequence[Ticket], lease: Lease) -> list[Ticket]:
    """Completes the tickets whose version was published before a crash; returns the others."""
    made = published(record, model)
    left = {ticket.id for ticket in tickets}
    ours = [ticket for ticket in made if ticket in left]  # in the order of their certificates
    chain = _chain(record, model) if ours else []
    for ticket in ours:
        if record.tickets.load(ticket).state is not State.PUBLISHING:
            record.tickets.move(ticket, State.PUBLISHING, ACTOR)
        with certificate_of(record, ticket, model, made[ticket].number):
            _complete(record, ticket, made[ticket], chain, lease)
    return [ticket for ticket in tickets if ticket.id not in made]


def published(record: Record, model: str) -> dict[str, Version]:
    """Each ticket that made a version, and the version."""
    return {
        ticket: version
        for version in record.models.versions(model)
        for ticket in version.made_by.get("tickets", [])
    }


def _complete(
    record: Record, ticket: str, version: Version, chain: list[Link], lease: Lease
) -> None:
    events = record.tickets.events(ticket)
    facts = next(event.data["facts"] for event in reversed(events) if "facts" in event.data)
    link = _certify(record, ticket, version, facts, manifest_of(events), chain, lease)
    record.models.release(version, ACTOR, lease)
    removed = record.photos.remove(ticket)
    _show_figures(record, version.model, facts["result"]["headline"])
    result = {**facts["result"], "version": version.number, "objects_removed": removed}
    data = {"certificate": link.digest}  # so the ticket's own chain of events holds it, too
    record.tickets.move(ticket, State.COMPLETED, ACTOR, result=result, data=data)


def _chain(record: Record, model: str) -> list[Link]:
    """The model's certificates, in the order of publication."""
    return record.certificates.links(tickets_of(record.models.versions(model)))


def _certify(
    record: Record,
    ticket: str,
    version: Version,
    facts: dict[str, Any],
    photos: str,
    chain: list[Link],
    lease: Lease,
) -> Link:
    """The ticket's certificate: signed after the last of ``chain``, and then itself the last.

    One that a run wrote before it was killed stays as it is: later ones may name it already.

    Raises:
        BadCertificate: the ticket has one of another version.
    """
    for link in chain:
        if link.form.ticket == ticket:
            if link.form.version.digest != version.digest:
                raise BadCertificate(f"{link.name}: of another version than the ticket made")
            return link
    signer = Signer.given(record.settings.signing_key, record.settings.signing_key_file)
    body = _body(record, ticket, version, facts, photos, last(chain))
    certificate = issue(body, signer)
    lease.check()
    record.certificates.keep(ticket, certificate, report_html(body, facts.get("drawings")), signer)
    chain.append(record.certificates.link(ticket))
    return chain[-1]


def _body(
    record: Record,
    ticket: str,
    version: Version,
    facts: dict[str, Any],
    photos: str,
    previous: Link | None,
) -> Document:
    parent = record.models.version(version.model, facts["parent"])
    imported = record.models.versions(version.model)[0]
    selection = record.photos.selection(ticket)
    if selection is None:
        raise NoPhotos(ticket, "its photos are gone, and a certificate names them")
    crops = PhotoDigests.of(record.objects, ticket, selection)
    return certificate_body(
        facts["certification"],
        ticket=ticket,
        model=version.model,
        version={"number": version.number, "digest": version.digest, "files": version.files},
        parent={"number": parent.number, "digest": parent.digest, "files": parent.files},
        face_sets=facts["face_sets"],
        photos=photos,
        forget_photos=crops.forget,
        held_out_photos=crops.held_out,
        imported_version=imported.digest,
        previous_certificate=previous.digest if previous else None,
        software=version.made_by["software"],
        seed=facts["seed"],
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _show_figures(record: Record, model: str, headline: dict[str, float]) -> None:
    """What the pages and Prometheus show of the model's last erasure."""
    fmr = headline["fmr"]
    figures = {
        f"forget_tmr:{fmr:g}": headline["forget_tmr_after"],
        f"retained_tmr:{fmr:g}": headline["benchmark_tmr_after"],
        "cross_version_tmr": headline["cross_version_tmr"],
    }
    record.redis.hset(
        keys.figures(model),
        mapping={key: value for key, value in figures.items() if value is not None},
    )
