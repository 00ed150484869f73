"""Models: the list, each line of versions as the chain it is, and their files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from flask import Blueprint, Response, render_template, request, send_file
from flask_babel import lazy_gettext

from storage.models import lineage
from storage.models.registry import Reason
from web.home import cards
from web.models import model_file, model_plot
from web.models.model_lines import chain
from web.services import record

SHOWN = 50  # models on a page of the list; what Redis does not know of one is read for it
VERSIONS = 20  # on a page of the chain
READ = 60  # other versions that one page reads for the plot, where Redis has forgotten them
MOVES = 50  # of aliases that are shown; the record has all of them
LONGEST_SEARCH = 64  # letters
REASONS = {
    str(Reason.PUBLISHED): lazy_gettext("published"),
    str(Reason.PROMOTED): lazy_gettext("promoted"),
    str(Reason.ROLLED_BACK): lazy_gettext("rolled back"),
    "": "",  # of moves from before they were recorded
}

pages = Blueprint("models", __name__)


@pages.get("/models")
def index() -> str:
    search = request.args.get("q", "").strip().lower()[:LONGEST_SEARCH]
    after = request.args.get("after", "")
    registered = record().models.registered()
    found = sorted(name for name in registered if search in name)
    names = [name for name in found if name > after]
    return render_template(
        "models.html",
        models=cards(record(), names[:SHOWN]),
        more=len(names) > SHOWN,
        after=after,
        search=search,
        found=len(found),
        all_models=len(registered),
    )


@pages.get("/models/<name>")
def show(name: str) -> str:
    models = record().models
    model = models.get(name)
    before = request.args.get("before", type=int)
    line = lineage.read(record(), name, partial(_shown, before=before), READ)
    shown = _shown(line.numbers, before)
    pointed = models.pointed(name)
    aliases = {alias: move.version for alias, move in pointed.items()}
    points = model_plot.points(line)
    return render_template(
        "model.html",
        model=model,
        links=chain(
            line,
            shown,
            aliases,
            {number: models.deletion(name, number) for number in line.deleted & set(shown)},
        ),
        line=line,
        older=bool(shown) and shown[-1] != line.numbers[0],
        before=before,
        current=aliases.get("current"),
        back=_rollback(line, aliases.get("current")),
        points=points,
        forgotten=model_plot.forgotten(points) if len(points) > 1 else None,
        kept=model_plot.kept(points) if len(points) > 1 else None,
        pointed=pointed.values(),
        reasons=REASONS,
        policy=models.policy(name),
    )


@pages.get("/models/<name>/moves")
def moves(name: str) -> str:
    model = record().models.get(name)
    found = record().models.moves(name, MOVES)
    return render_template(
        "model_moves.html", model=model, moves=found, most=MOVES, reasons=REASONS
    )


@pages.get("/models/<name>/versions/<int:number>/model.onnx")
def download(name: str, number: int) -> Response:
    version = record().models.version(name, number)
    opened = model_file.opened(version)
    model_file.note(version, "model.onnx")
    response = send_file(
        opened,
        "application/octet-stream",
        as_attachment=True,
        download_name=f"{name}-{number}.onnx",
        etag=version.files["model.onnx"],
    )
    response.content_length = model_file.size(opened)
    return response


def _shown(numbers: Sequence[int], before: int | None) -> list[int]:
    """Of the versions before one of them, or of all, the newest first."""
    return [number for number in reversed(numbers) if before is None or number < before][:VERSIONS]


def _rollback(line: lineage.Lineage, current: int | None) -> int | None:
    """The version that a rollback would make current."""
    return line.parent(current) if current in line.versions and current is not None else None
