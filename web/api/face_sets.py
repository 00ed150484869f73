"""Face sets: which there are, and who is enrolled in them."""

from __future__ import annotations

from pydantic import Field

from storage.faces.sets import FaceSet
from web.api.contract import Resource
from web.api.fields import Digest, Document, Limit, Name, Next, Sent
from web.api.pages import next_page, page
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


class FaceSetQuery(Sent):
    after: Name | None = Field(None, description="The cursor; take it from `next`.")
    limit: Limit = 20


class PersonQuery(Sent):
    after: str | None = Field(None, max_length=128, description="The cursor; take it from `next`.")
    limit: Limit = 100


@resource.get("/face-sets", answer=FaceSetPage, query=FaceSetQuery, also=("Link",))
def list_face_sets(query: FaceSetQuery) -> tuple[FaceSetPage, dict[str, str]]:
    """List face sets, by name."""
    folders = sorted(name for name in record().objects.folders("facesets/") if name)
    shown, more = page([name for name in folders if name > (query.after or "")], query.limit)
    items = [FaceSetDocument.of(record().faces.get(name)) for name in shown]
    address, headers = next_page(query, shown[-1] if more else None)
    return FaceSetPage(items=items, next=address), headers


@resource.get("/face-sets/<name>", answer=FaceSetDocument)
def show_face_set(name: str) -> FaceSetDocument:
    """Show a face set."""
    return FaceSetDocument.of(record().faces.get(name))


@resource.get("/face-sets/<name>/people", answer=PersonPage, query=PersonQuery, also=("Link",))
def list_people(name: str, query: PersonQuery) -> tuple[PersonPage, dict[str, str]]:
    """List who is enrolled in a face set, by name; a ticket can be about one of them."""
    people = record().faces.get(name).people
    wanted = sorted(person for person in people if person > (query.after or ""))
    shown, more = page(wanted, query.limit)
    items = [PersonDocument(person=person, photos=len(people[person])) for person in shown]
    address, headers = next_page(query, shown[-1] if more else None)
    return PersonPage(items=items, next=address), headers
