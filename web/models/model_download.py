"""A version to take away: as a pack for its consumer, with the steps to put it there."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext

from storage.models import lineage
from storage.models.lineage import Lineage
from storage.models.registry import MODEL_FILE, Version
from web.models import model_file, pack
from web.models.model_lines import Made, made
from web.services import record

pages = Blueprint("model_download", __name__)


@pages.get("/models/<name>/versions/<int:number>/download")
def show(name: str, number: int) -> str:
    line, version = _found(name, number)
    place = pack.Place.of(version, _imported(line, number))
    aliases = record().models.aliases(name)
    return render_template(
        "model_download.html",
        name=name,
        version=version,
        aliases=[alias for alias, pointed in aliases.items() if pointed == number],
        current=aliases.get("current"),
        kinds=pack.KINDS,
        place=place,
        recognised=_recognised(line, number),
        file=MODEL_FILE,
    )


@pages.get("/models/<name>/versions/<int:number>/pack.zip")
def packed(name: str, number: int) -> Response:
    line, version = _found(name, number)
    chosen = request.args.get("kind", "")
    kind = pack.kind_of(chosen)
    folder = request.args.get("folder", "").strip() if kind.named else ""
    place = pack.Place.of(version, _imported(line, number), folder)
    text = pack.readme(kind, version, _warning(len(_recognised(line, number))))
    file = model_file.opened(version)
    model_file.note(version, chosen)
    response = Response(pack.packed(kind, place, version, text, file), mimetype="application/zip")
    response.call_on_close(file.close)  # also where nobody took the first piece
    response.headers.set(
        "Content-Disposition", "attachment", filename=f"{name}-{number}-{chosen}.zip"
    )
    return response


def _found(name: str, number: int) -> tuple[Lineage, Version]:
    """
    Raises:
        NoSuchModel, VersionDeleted
    """
    version = record().models.version(name, number)
    record().models.check_kept(version)
    return lineage.read(record(), name), version


def _imported(line: Lineage, number: int) -> str:
    """The name of the file from which the version's line began."""
    return str(line.versions[line.back(number)[-1]].made_by.get("import", ""))


def _recognised(line: Lineage, number: int) -> tuple[Made, ...]:
    """Whom another version of the line forgets and this one does not."""
    forgets = set(line.forgets(number))
    others = [ticket for version in line.versions.values() for ticket in lineage.made_by(version)]
    return made(line, (ticket for ticket in others if ticket not in forgets))


def _warning(count: int) -> str:
    if not count:
        return ""
    still = ngettext(
        "This version still recognises a subject whom another version forgets.",
        "This version still recognises %(num)s subjects whom other versions forget.",
        count,
    )
    return f"{still} {_('Do not deploy it instead of a later one.')}"
