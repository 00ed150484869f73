"""Face sets: which there are, and who is enrolled in them."""

from __future__ import annotations

from pydantic import Field

from storage.faces import face_lines
from storage.faces.sets import FaceSet
from web.api.contract import Resource
from web.api.fields import Digest, Document, Limit, Name, Next
from web.api.pages import NameQuery, by_name
from web.services import record

resource = Resource("Face sets", "Faces of other people: reference, benchmark, verification.")


class FaceSetDocument(Document):
    name: Name
    digest: Digest = Field(description="SHA-256 of its index: names every photo of every person.")
    people: int | None = Field(description="null: it holds pairs and not who is in them.")
    photos: int
    pairs: int | None = Field(description="Of a verification benchmark; else null.")

    @classmethod
    def of(cls, face_set: FaceSet) -> FaceSetDocument:
        pairs = face_set.pairs
        return cls(
            name=face_set.name,
            digest=face_set.digest,
            people=len(face_set.people) if face_set.people or pairs is None else None,
            photos=face_set.photos,
            pairs=len(pairs) if pairs is not None else None,
        )


class FaceSetPage(Document):
    items: list[FaceSetDocument]
    next: Next


class PersonDocument(Document):
    person: str
    photos: int


class PersonPage(Document):
    items: list[PersonDocument]
    next: Next


class FaceSetQuery(NameQuery):
    limit: Limit = 20


class PersonQuery(NameQuery):
    after: str | None = Field(None, max_length=128, description="The cursor; take it from `next`.")
    limit: Limit = 100


@resource.get("/face-sets", answer=FaceSetPage, query=FaceSetQuery, also=("Link",))
def list_face_sets(query: FaceSetQuery) -> tuple[FaceSetPage, dict[str, str]]:
    """List face sets, by name."""
    shown, address, headers = by_name(face_lines.all_names(record()), query)
    items = [FaceSetDocument.of(record().faces.get(name)) for name in shown]
    return FaceSetPage(items=items, next=address), headers


@resource.get("/face-sets/<name>", answer=FaceSetDocument)
def show_face_set(name: str) -> FaceSetDocument:
    """Show a face set."""
    return FaceSetDocument.of(record().faces.get(name))


@resource.get("/face-sets/<name>/people", answer=PersonPage, query=PersonQuery, also=("Link",))
def list_people(name: str, query: PersonQuery) -> tuple[PersonPage, dict[str, str]]:
    """List who is enrolled in a face set, by name; a ticket can be about one of them."""
    people = record().faces.get(name).people
    shown, address, headers = by_name(people, query)
    items = [PersonDocument(person=person, photos=len(people[person])) for person in shown]
    return PersonPage(items=items, next=address), headers
