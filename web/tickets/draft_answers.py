"""What a draft's photos are good for, in words: of each photo, and whether there are enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask_babel import LazyString, lazy_gettext, ngettext
from flask_babel import gettext as _

from storage.tickets.desk import MIN_PHOTOS
from storage.tickets.draft import USABLE, Draft, Look
from storage.uploads.images import BadPhoto, Reason
from web.operations import fleet
from web.services import record, services

# One in three is held out, and with fewer than five of those the default policy judges nothing.
FOR_CERTIFICATE = 15
REASONS: dict[str, LazyString] = {
    Reason.NOT_AN_IMAGE: lazy_gettext("Not a picture that can be read; give JPEG, PNG or WebP."),
    Reason.TRUNCATED: lazy_gettext("The file breaks off or is damaged; copy it again."),
    Reason.TOO_LARGE: lazy_gettext("The file is too large; resize the picture."),
    Reason.TOO_MANY_PIXELS: lazy_gettext("Too many pixels; resize the picture."),
    Reason.ANIMATED: lazy_gettext("An animated picture; give a still one."),
    Reason.DUPLICATE: lazy_gettext("The same picture as another one here; each counts once."),
    Reason.NO_FACE: lazy_gettext("No face found; give a photo that shows the face."),
    Reason.SEVERAL_FACES: lazy_gettext("Several faces; give a photo that shows this person alone."),
    Reason.NOT_CROPPED: lazy_gettext(
        "Not cropped as the model needs it, and the workers have no face detector; "
        "your administrator can set one."
    ),
    Reason.SOMEBODY_ELSE: lazy_gettext(
        "Does not look like the other photos: somebody else, or a poor picture. Leave it out."
    ),
}


class Sight(StrEnum):
    """How far the worker's look at the photos is."""

    DONE = "done"
    LOOKING = "looking"
    QUEUED = "queued"
    BUSY = "busy"
    NOBODY = "nobody"  # no worker is alive
    NO_MODEL = "no_model"
    FAILED = "failed"


SIGHTS: dict[Sight, LazyString | str] = {
    Sight.DONE: "",
    Sight.LOOKING: lazy_gettext("A worker is looking at the photos."),
    Sight.QUEUED: lazy_gettext("The photos wait for a worker to look at them."),
    Sight.BUSY: lazy_gettext(
        "All workers are busy; the next free one looks at the photos. You need not wait for it."
    ),
    Sight.NOBODY: lazy_gettext(
        "No worker is running: the photos will be looked at once the ticket is approved."
    ),
    Sight.NO_MODEL: lazy_gettext("Choose a model, and a worker will look at the photos."),
    Sight.FAILED: lazy_gettext(
        "The photos could not be looked at now; that is done once the ticket is approved."
    ),
}


@dataclass(frozen=True)
class Answer:
    """What is said of one photo."""

    id: str  # SHA-256
    name: str
    size: int  # bytes
    state: str  # waiting, usable, refused or unknown
    text: str


@dataclass(frozen=True)
class Answers:
    photos: tuple[Answer, ...]
    sight: Sight
    two_people: bool

    def count(self, state: str) -> int:
        return sum(1 for photo in self.photos if photo.state == state)

    @property
    def enough(self) -> bool:
        """Whether it can be submitted: what is refused counts, preparation has the last word."""
        return len(self.photos) >= MIN_PHOTOS

    def document(self) -> dict[str, Any]:
        tone, advice = self.advice()
        return {
            "photos": [vars(photo) for photo in self.photos],
            "sight": self.sight,
            "status": str(SIGHTS[self.sight]) if self.photos else "",
            "tone": tone,
            "advice": advice,
            "enough": self.enough,
        }

    def advice(self) -> tuple[str, str]:
        """Tone and sentence: how many can be used, against how many are needed."""
        count, usable = len(self.photos), self.count("usable")
        if count < MIN_PHOTOS:
            return "wait", _(
                "At least %(least)s photos are needed, and about %(wanted)s for a certificate.",
                least=MIN_PHOTOS,
                wanted=FOR_CERTIFICATE,
            )
        if self.two_people:
            return "bad", _("The photos show two people. Make one ticket for each person.")
        if self.sight is not Sight.DONE:
            return "quiet", _counted(count)
        sentence = _usable(usable, count)
        if usable < MIN_PHOTOS:
            more = _(
                "The ticket would stop and ask for more: at least %(least)s are needed.",
                least=MIN_PHOTOS,
            )
            return "bad", f"{sentence} {more}"
        if usable < FOR_CERTIFICATE:
            more = _(
                "About %(wanted)s are needed for a certificate; you can submit all the same.",
                wanted=FOR_CERTIFICATE,
            )
            return "wait", f"{sentence} {more}"
        return "good", f"{sentence} {_('Enough for a certificate.')}"


def answers(draft: Draft) -> Answers:
    """What is known now; has a worker look where something is not known."""
    look = record().drafts.look(draft) if draft.photos else None
    sight = _sight(draft, look)
    photos = tuple(
        Answer(photo.sha256, photo.name, photo.size, *_said(photo.sha256, look, sight))
        for photo in draft.photos
    )
    return Answers(photos, sight, look is not None and look.two_people)


def not_taken(refused: Sequence[BadPhoto]) -> list[dict[str, str]]:
    """Photos that were not taken in, for the page."""
    return [{"name": error.name, "text": reason(str(error.reason))} for error in refused]


def reason(code: str) -> str:
    return str(REASONS.get(code, _("Cannot be used; leave it out.")))


def _said(digest: str, look: Look | None, sight: Sight) -> tuple[str, str]:
    """State and sentence of one photo."""
    code = look.answers.get(digest) if look else None
    if code == USABLE:
        return "usable", _("Face found")
    if code is not None:
        return "refused", reason(code)
    if sight in {Sight.NOBODY, Sight.NO_MODEL, Sight.FAILED}:
        return "unknown", _("Kept, not looked at yet")
    return "waiting", _("Waiting to be looked at")


def _sight(draft: Draft, look: Look | None) -> Sight:
    if not draft.photos or (look and look.is_of(draft)):
        return Sight.FAILED if look and look.problem else Sight.DONE
    if draft.model not in record().models.registered():
        return Sight.NO_MODEL
    services().desk.look(draft.ticket)
    if record().leases.held("look", draft.ticket):
        return Sight.LOOKING
    workers = fleet.workers(record().redis)
    if not workers:
        return Sight.NOBODY
    return Sight.BUSY if all(worker.busy for worker in workers) else Sight.QUEUED


def _counted(count: int) -> str:
    return str(ngettext("%(num)s photo.", "%(num)s photos.", count))


def _usable(usable: int, count: int) -> str:
    if usable == count:
        return str(ngettext("%(num)s usable photo.", "%(num)s usable photos.", usable))
    return str(
        ngettext(
            "%(num)s usable photo of %(count)s.",
            "%(num)s usable photos of %(count)s.",
            usable,
            count=count,
        )
    )
