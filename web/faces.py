"""Face sets: which there are, which models use them, and who is in them. No face is ever shown."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, render_template, request

from storage.faces import face_lines
from storage.models import lines
from storage.record import Record
from web.services import record

SHOWN = 20  # face sets on a page; what Redis does not know of one is read for it
PEOPLE = 200  # people on a page
MODELS = 50  # whose face sets one view looks up where Redis does not know them

pages = Blueprint("faces", __name__)


@pages.get("/face-sets")
def index() -> str:
    after, wanted = _argument("after", 64), _argument("q", 64).lower()
    names = [name for name in face_lines.all_names(record()) if wanted in name]
    shown = [name for name in names if name > after]
    return render_template(
        "faces.html",
        face_sets=face_lines.of(record(), shown[:SHOWN]),
        any=bool(names) or bool(wanted),
        count=len(names),
        more=len(shown) > SHOWN,
        after=after,
        wanted=wanted,
        uses=used_by(record()),
    )


@pages.get("/face-sets/<name>")
def show(name: str) -> str:
    found = record().faces.get(name)
    return render_template(
        "face_set.html",
        line=face_lines.remember(record(), found),
        smallest=min(map(len, found.people.values()), default=0),
        largest=max(map(len, found.people.values()), default=0),
        mated=sum(pair.mated for pair in found.pairs or ()),
        folds=len({pair.fold for pair in found.pairs or ()}),
        uses=used_by(record()).get(name, []),
    )


@pages.get("/face-sets/<name>/names")
def people(name: str) -> str:
    """Names of people: for those alone who decide on tickets."""
    found = record().faces.get(name)
    after, wanted = _argument("after", 128), _argument("q", 128)
    fitting = _fitting(sorted(found.people), wanted)
    shown = [person for person in fitting if person > after]
    return render_template(
        "face_set_people.html",
        face_set=found,
        people={person: len(found.people[person]) for person in shown[:PEOPLE]},
        count=len(fitting),
        more=len(shown) > PEOPLE,
        after=after,
        wanted=wanted,
    )


def used_by(found: Record) -> dict[str, list[tuple[str, str]]]:
    """Of each face set the models that use it, and what for."""
    uses: dict[str, list[tuple[str, str]]] = {}
    models = sorted(found.models.registered())
    for model, line in sorted(lines.of(found, models, most=MODELS).items()):
        for face_set, purpose in (line.faces or {}).items():
            uses.setdefault(face_set, []).append((model, purpose))
    return uses


def _fitting(names: Sequence[str], wanted: str) -> Sequence[str]:
    asked = wanted.casefold()
    return [name for name in names if asked in name.casefold()]


def _argument(name: str, longest: int) -> str:
    return request.args.get(name, "").strip()[:longest]
