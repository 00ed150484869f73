"""Publishing: the next version, a certificate for each ticket, and the photos gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from storage import keys
from storage.canonical import Document
from storage.certificates import Signer
from storage.leases import Lease
from storage.models import MODEL_FILE, Version
from storage.progress import Progress
from storage.record import Record
from storage.states import State
from storage.tickets import Ticket
from workers.attempts import ACTOR
from workers.certification import Certification, certificate_body, report_html
from workers.run import Run


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
            "result": {"verdict": own.verdict, "headline": own.headline, "summary": own.summary()},
            "parent": run.version.number,
            "face_sets": {"reference": run.reference.digest, "benchmark": run.benchmark.digest},
            "seed": run.seed,
        }
        record.tickets.move(ticket.id, State.PUBLISHING, ACTOR, data={"facts": facts})
        record.progress.show(ticket.id, Progress("publishing", 0.0, "writing the new version"))
    made_by = {
        "tickets": [ticket.id for ticket in run.tickets],
        "seed": run.seed,
        "software": f"lethe {package_version('lethe')}",
    }
    version = record.models.publish(
        run.version.model, {MODEL_FILE: new}, made_by, parent=run.version, lease=lease
    )
    for ticket in run.tickets:
        _complete(record, ticket.id, version, lease)


def finish(record: Record, model: str, tickets: Sequence[Ticket], lease: Lease) -> list[Ticket]:
    """Completes the tickets whose version was published before a crash; returns the others."""
    made = {
        ticket: version
        for version in record.models.versions(model)
        for ticket in version.made_by.get("tickets", [])
    }
    for ticket in tickets:
        if ticket.id in made:
            _complete(record, ticket.id, made[ticket.id], lease)
    return [ticket for ticket in tickets if ticket.id not in made]


def _complete(record: Record, ticket: str, version: Version, lease: Lease) -> None:
    events = record.tickets.events(ticket)
    facts = next(event.data["facts"] for event in reversed(events) if "facts" in event.data)
    signer = Signer.from_file(record.settings.signing_key_file)
    body = _body(record, ticket, version, facts, events[0].data["manifest"])
    lease.check()
    record.certificates.keep(ticket, signer.sign(body), report_html(body), signer)
    record.models.point(version.model, record.settings.publish_as, version, ACTOR, lease)
    removed = record.photos.remove(ticket)
    _show_figures(record, version.model, facts["result"]["headline"])
    result = {**facts["result"], "version": version.number, "objects_removed": removed}
    record.tickets.move(ticket, State.COMPLETED, ACTOR, result=result)


def _body(
    record: Record, ticket: str, version: Version, facts: dict[str, Any], photos: str
) -> Document:
    parent = record.models.version(version.model, facts["parent"])
    return certificate_body(
        facts["certification"],
        ticket=ticket,
        model=version.model,
        version={"number": version.number, "digest": version.digest, "files": version.files},
        parent={"number": parent.number, "digest": parent.digest, "files": parent.files},
        face_sets=facts["face_sets"],
        photos=photos,
        previous_certificate=None,
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
