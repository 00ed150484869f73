"""The task ``look``: what a draft's photos are good for, said before anybody submits them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import structlog

from storage import keys, queue
from storage.errors import LetheError
from storage.leases import Lease
from storage.record import Record
from storage.store.objects import ObjectMissing
from storage.tickets.draft import USABLE, Draft, Look
from storage.tickets.photos import Photo
from storage.uploads.images import BadPhoto, Reason
from workers.app import app, record
from workers.photos import Crop, TwoPeople, crop_of, sort_crops
from workers.sight import Sight

log = structlog.get_logger()

SAID_SECONDS = 2.0  # so often what is known so far is kept for the page
TRIES = 3  # looks that begin and never end, because a photo kills the worker
TRIES_SECONDS = 3600

Seen = dict[str, Crop | BadPhoto]  # by SHA-256, under which no file's name is known


@app.task(name=queue.LOOK)  # type: ignore[untyped-decorator]
def look(ticket: str) -> None:
    """Says of each photo whether preparation would take it; goes on while more come in."""
    kept = record()
    kept.redis.delete(keys.look_asked(ticket))
    with kept.leases.hold("look", ticket) as lease:
        if lease is None:
            return  # the one at work sees what came in meanwhile
        draft = kept.drafts.read(ticket)
        if draft is None or not draft.model:
            return
        if _tries(kept, ticket) > TRIES:
            log.error("a draft cannot be looked at", ticket=ticket, error="killed")
            kept.drafts.keep_look(ticket, _failed(draft))
            return
        try:
            _look(kept, draft, lease)
        except LetheError as error:
            log.warning("a draft cannot be looked at", ticket=ticket, error=type(error).__name__)
            kept.drafts.keep_look(ticket, _failed(draft))
        kept.redis.delete(keys.look_tries(ticket))


def _look(kept: Record, draft: Draft, lease: Lease) -> None:
    model, sight, seen = draft.model, Sight.of(kept, draft.model), Seen()
    while True:
        _see(kept, draft, sight, seen)
        lease.check()
        kept.drafts.keep_look(draft.ticket, answered(draft, sight, seen))
        before = draft
        found = kept.drafts.read(draft.ticket)
        if found is None or found.model != model or found.photos == before.photos:
            return  # for another model the page asks again
        draft = found


def _see(kept: Record, draft: Draft, sight: Sight, seen: Seen) -> None:
    """Crops what was not seen yet, and says now and then what is refused already."""
    said = time.monotonic()
    for photo in draft.photos:
        if photo.sha256 in seen:
            continue
        try:
            data = kept.drafts.photo(draft, photo)
        except ObjectMissing:
            continue  # taken out meanwhile
        try:
            unnamed = Photo(photo.sha256, data)
            size = sight.recognizer.input_size
            seen[photo.sha256] = crop_of(unnamed, size, sight.detector, sight.limits)
        except BadPhoto as error:
            seen[photo.sha256] = error
        if time.monotonic() - said > SAID_SECONDS:
            refused = _reasons([found for found in seen.values() if isinstance(found, BadPhoto)])
            kept.drafts.keep_look(draft.ticket, Look(draft.model, refused))
            said = time.monotonic()


def answered(draft: Draft, sight: Sight, seen: Seen) -> Look:
    """The answer of each photo that is in the draft."""
    found = [seen[photo.sha256] for photo in draft.photos if photo.sha256 in seen]
    crops = [each for each in found if isinstance(each, Crop)]
    refused = [each for each in found if isinstance(each, BadPhoto)]
    answers = {crop.name: USABLE for crop in crops}
    two_people = False
    try:
        refused += sort_crops(crops, sight.recognizer, sight.gauge).refused
    except TwoPeople as error:
        two_people = True
        answers |= dict.fromkeys(error.others, str(Reason.SOMEBODY_ELSE))
    answers |= _reasons(refused)
    return Look(draft.model, answers, tuple(photo.sha256 for photo in draft.photos), two_people)


def _reasons(refused: Sequence[BadPhoto]) -> Mapping[str, str]:
    return {each.name: str(each.reason) for each in refused}


def _failed(draft: Draft) -> Look:
    return Look(draft.model, {}, tuple(photo.sha256 for photo in draft.photos), problem=True)


def _tries(kept: Record, ticket: str) -> int:
    """How often a look began since one ended."""
    pipe = kept.redis.pipeline(transaction=True)
    pipe.incr(keys.look_tries(ticket))
    pipe.expire(keys.look_tries(ticket), TRIES_SECONDS)
    return int(pipe.execute()[0])
