"""The task ``prepare``: from approved photos to crops that forget and crops that judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from storage import keys, queue
from storage.errors import BadInput
from storage.leases import Lease
from storage.record import Record
from storage.tickets.photos import Selection, manifest_of
from storage.tickets.progress import Progress
from storage.tickets.states import ENDED, State
from storage.uploads.images import BadPhoto, Reason
from workers.app import app, outbox, record
from workers.attempts import attempt
from workers.metrics import photos_rejected
from workers.photos import Sorted, TooFewPhotos, TwoPeople, sort_photos, split
from workers.sight import Sight
from workers.task_context import stage

ACTOR = "worker"
LOADED, LOOKED_AT = 0.3, 0.9  # of the stage is done by then, about


@app.task(name=queue.PREPARE)  # type: ignore[untyped-decorator]
def prepare(ticket: str) -> None:
    """approved → preparing → queued, or needs_photos."""
    kept = record()
    kept.redis.delete(keys.sent("ticket", ticket))
    with kept.leases.hold("ticket", ticket) as lease:
        if lease is None:
            return  # delivered twice; the other one is at work
        found = kept.tickets.load(ticket)
        if found.state not in {State.APPROVED, State.PREPARING}:
            return  # delivered late
        with attempt(kept, [ticket]), stage(kept, found.model, [ticket], None, "preparing"):
            _prepare(kept, ticket, lease)
        if kept.tickets.load(ticket).state in ENDED:
            kept.photos.remove(ticket)  # cancelled meanwhile: what was prepared since goes, too


def _prepare(kept: Record, ticket: str, lease: Lease) -> None:
    model = kept.tickets.move(ticket, State.PREPARING, ACTOR).model
    kept.progress.show(ticket, Progress("preparing", 0.0, "loading the model"))
    refused: tuple[BadPhoto, ...] = ()
    try:
        with kept.progress.timed(model, "preparing"):
            found = _sort(kept, ticket, model)
        refused = found.refused
        for refusal in found.refused:
            photos_rejected.labels(refusal.reason).inc()
        forget, held_out = split(found.crops)
    except (TwoPeople, TooFewPhotos) as error:
        lease.check()
        # Nobody is selected. Which photos were refused, and why, goes when the photos go.
        kept.photos.keep_selection(ticket, Selection((), (), _lines((*refused, *_others(error)))))
        kept.tickets.move(ticket, State.NEEDS_PHOTOS, ACTOR, note=_without_names(error))
        return
    lease.check()  # a worker that slept must not bring back photos that are gone by now
    selection = Selection(
        tuple(kept.photos.keep_crop(ticket, crop.pixels) for crop in forget),
        tuple(kept.photos.keep_crop(ticket, crop.pixels) for crop in held_out),
        _lines(refused),
    )
    kept.photos.keep_selection(ticket, selection)
    lease.check()
    kept.tickets.move(ticket, State.QUEUED, ACTOR, result=_counts(selection))
    outbox().erase(model)


def _sort(kept: Record, ticket: str, model: str) -> Sorted:
    sight = Sight.of(kept, model)
    photos = kept.photos.all(ticket, manifest_of(kept.tickets.events(ticket)))

    def watch(count: int) -> None:
        fraction = LOADED + (LOOKED_AT - LOADED) * count / len(photos)
        text = f"looking at the photos: {count} of {len(photos)}"
        kept.progress.show(ticket, Progress("preparing", fraction, text))

    return sort_photos(photos, sight.recognizer, sight.gauge, sight.detector, sight.limits, watch)


def _others(error: BadInput) -> list[BadPhoto]:
    """The photos of somebody else, where there are two people."""
    names = error.others if isinstance(error, TwoPeople) else ()
    why = "does not look like the others; make one ticket for each person"
    return [BadPhoto(name, Reason.SOMEBODY_ELSE, why) for name in names]


def _lines(refused: Sequence[BadPhoto]) -> tuple[tuple[str, str, str], ...]:
    return tuple((bad.name, str(bad.reason), str(bad)) for bad in refused)


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
