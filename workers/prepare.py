"""The task ``prepare``: from approved photos to crops that forget and crops that judge."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from storage import keys, queue
from storage.errors import BadInput
from storage.leases import Lease
from storage.photos import Selection, manifest_of
from storage.progress import Progress
from storage.record import Record
from storage.states import ENDED, State
from workers.app import app, outbox, record
from workers.attempts import attempt
from workers.faces import load_face_set
from workers.gauge import Gauge
from workers.metrics import photos_rejected, timed
from workers.photos import Limits, Sorted, TooFewPhotos, TwoPeople, sort_photos, split
from workers.recognizer import FaceDetector, Recognizer
from workers.versions import cached

ACTOR = "worker"


@app.task(name=queue.PREPARE)  # type: ignore[untyped-decorator]
def prepare(ticket: str) -> None:
    """approved → preparing → queued, or needs_photos."""
    kept = record()
    kept.redis.delete(keys.sent("ticket", ticket))
    with kept.leases.hold("ticket", ticket) as lease:
        if lease is None:
            return  # delivered twice; the other one is at work
        if kept.tickets.load(ticket).state not in {State.APPROVED, State.PREPARING}:
            return  # delivered late
        with attempt(kept, [ticket]), timed("preparing"):
            _prepare(kept, ticket, lease)
        if kept.tickets.load(ticket).state in ENDED:
            kept.photos.remove(ticket)  # cancelled meanwhile: what was prepared since goes, too


def _prepare(kept: Record, ticket: str, lease: Lease) -> None:
    model = kept.tickets.move(ticket, State.PREPARING, ACTOR).model
    kept.progress.show(ticket, Progress("preparing", 0.0, "looking at the photos"))
    try:
        found = _sort(kept, ticket, model)
        for refusal in found.refused:
            photos_rejected.labels(refusal.reason).inc()
        forget, held_out = split(found.crops)
    except (TwoPeople, TooFewPhotos) as error:
        lease.check()
        kept.tickets.move(ticket, State.NEEDS_PHOTOS, ACTOR, note=_without_names(error))
        return
    lease.check()  # a worker that slept must not bring back photos that are gone by now
    selection = Selection(
        tuple(kept.photos.keep_crop(ticket, crop.pixels) for crop in forget),
        tuple(kept.photos.keep_crop(ticket, crop.pixels) for crop in held_out),
        tuple((bad.name, str(bad.reason), str(bad)) for bad in found.refused),
    )
    kept.photos.keep_selection(ticket, selection)
    lease.check()
    kept.tickets.move(ticket, State.QUEUED, ACTOR, result=_counts(selection))
    outbox().erase(model)


def _sort(kept: Record, ticket: str, model: str) -> Sorted:
    # The import, while it is kept, and not the current version: one that forgot the subject cannot
    # tell whether the photos show one person.
    first = kept.models.oldest_kept(model)
    recognizer = Recognizer.load(cached(kept, first))
    reference = load_face_set(kept, kept.models.get(model).reference_faces, recognizer.input_size)
    gauge = Gauge.from_faces(recognizer, reference)
    config = kept.settings
    return sort_photos(
        kept.photos.all(ticket, manifest_of(kept.tickets.events(ticket))),
        recognizer,
        gauge,
        _detector(config.detector),
        Limits(config.photo_bytes, config.photo_pixels),
    )


def _detector(path: Path | None) -> FaceDetector | None:
    return FaceDetector(path) if path else None


def _counts(selection: Selection) -> dict[str, Any]:
    refused = Counter(reason for _, reason, _ in selection.refused)
    return {
        "photos": {
            "forget": len(selection.forget),
            "held_out": len(selection.held_out),
            "refused": dict(refused),
        }
    }


def _without_names(error: BadInput) -> str:
    """The reason for the event log, which never holds a file's name."""
    if isinstance(error, TwoPeople):
        return "the photos show two people; make one ticket for each person"
    return str(error)
