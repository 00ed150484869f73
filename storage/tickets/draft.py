"""A draft: a ticket before it is submitted, and what a worker saw in its photos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from storage.canonical import SHA256, Corrupt, Document

FIELDS = ("model", "subject", "legal_ground", "deadline")
FIELD_LENGTH = 200  # characters
USABLE = "usable"  # what a look answers of a photo that it does not refuse


@dataclass(frozen=True)
class DraftPhoto:
    name: str  # the file's, kept beside the photo alone
    sha256: str
    size: int  # bytes


@dataclass(frozen=True)
class Draft:
    ticket: str  # the id that the ticket will have
    owner: str  # user name
    begun: str  # ISO 8601
    fields: Mapping[str, str]  # of the form, as they were typed
    photos: tuple[DraftPhoto, ...] = ()

    @property
    def model(self) -> str:
        return self.fields["model"]

    @property
    def bytes(self) -> int:
        return sum(photo.size for photo in self.photos)

    def document(self) -> Document:
        photos = [[photo.name, photo.sha256, photo.size] for photo in self.photos]
        fields = {name: self.fields.get(name, "")[:FIELD_LENGTH] for name in FIELDS}
        return {"owner": self.owner, "begun": self.begun, "fields": fields, "photos": photos}

    @classmethod
    def parse(cls, ticket: str, document: Document, name: str) -> Draft:
        """
        Raises:
            Corrupt: not what ``document`` gives.
        """
        try:
            photos = tuple(DraftPhoto(*row) for row in document["photos"])
            fields = {field: document["fields"][field] for field in FIELDS}
            draft = cls(ticket, document["owner"], document["begun"], fields, photos)
            texts = [draft.owner, draft.begun, *fields.values(), *(photo.name for photo in photos)]
            if not all(isinstance(text, str) for text in texts):
                raise TypeError
            if not all(SHA256.fullmatch(photo.sha256) for photo in photos):
                raise ValueError
            if not all(type(photo.size) is int for photo in photos):
                raise TypeError
        except (KeyError, TypeError, ValueError):
            raise Corrupt(f"{name}: not a draft") from None
        return draft


@dataclass(frozen=True)
class Look:
    """What a worker saw: of which photos, with which model's eyes."""

    model: str
    answers: Mapping[str, str] = field(default_factory=dict)  # SHA-256 → usable, or the reason
    seen: tuple[str, ...] = ()  # all photos that it is about; none while it goes on
    two_people: bool = False
    problem: bool = False  # it could not be done

    def is_of(self, draft: Draft) -> bool:
        """Whether it is about these photos and no others."""
        digests = {photo.sha256 for photo in draft.photos}
        return self.model == draft.model and set(self.seen) == digests

    def document(self) -> Document:
        return {
            "model": self.model,
            "answers": dict(self.answers),
            "seen": sorted(self.seen),
            "two_people": self.two_people,
            "problem": self.problem,
        }

    @classmethod
    def parse(cls, document: Document, name: str) -> Look:
        """
        Raises:
            Corrupt: not what ``document`` gives.
        """
        try:
            look = cls(**{**document, "seen": tuple(document["seen"])})
            if look.document() != document:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise Corrupt(f"{name}: not what a worker saw in photos") from None
        return look
