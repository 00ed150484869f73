"""Models: each line of versions as the chain it is, and their files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, render_template, request, send_file

from storage.deletion import Deletion
from storage.models import MODEL_FILE, NoSuchModel, Version
from web.home import cards
from web.services import record

SHOWN = 50  # models on a page of the list; what Redis does not know of one is read for it

pages = Blueprint("models", __name__)


@dataclass(frozen=True)
class Link:
    """A version in the chain, and whether it hangs on the version that it names."""

    version: Version
    parent: int | None  # the parent's number; None for an import, or where it is not there
    aliases: tuple[str, ...]
    deletion: Deletion | None = None

    @property
    def torn(self) -> bool:
        return self.version.parent is not None and self.parent is None


@pages.get("/models")
def index() -> str:
    after = request.args.get("after", "")
    names = sorted(name for name in record().models.registered() if name > after)
    shown = names[:SHOWN]
    return render_template(
        "models.html", models=cards(record(), shown), more=len(names) > SHOWN, after=after
    )


@pages.get("/models/<name>")
def show(name: str) -> str:
    model = record().models.get(name)
    found = record().models
    links = chain(found.versions(name), found.aliases(name), found.deletions(name))
    return render_template(
        "model.html",
        model=model,
        links=links,
        moves=found.moves(name),
        policy=found.policy(name),
    )


@pages.get("/models/<name>/versions/<int:number>/model.onnx")
def download(name: str, number: int) -> Response:
    """The file, once it is here and its SHA-256 is what the manifest says."""
    version = record().models.version(name, number)
    if MODEL_FILE not in version.files:
        raise NoSuchModel(f"model {name}: version {number} holds no {MODEL_FILE}")
    record().models.check_kept(version)
    with tempfile.TemporaryDirectory(prefix="lethe-download-") as folder:
        path = Path(folder) / MODEL_FILE
        record().objects.get_file(version.object(MODEL_FILE), path, version.files[MODEL_FILE])
        opened = path.open("rb")  # outlives the folder, and goes when the answer is sent
    response = send_file(
        opened,
        "application/octet-stream",
        as_attachment=True,
        download_name=f"{name}-{number}.onnx",
        etag=version.files[MODEL_FILE],
    )
    response.content_length = Path(f"/proc/self/fd/{opened.fileno()}").stat().st_size
    return response


def chain(
    versions: Sequence[Version], aliases: dict[str, int], deletions: dict[int, Deletion]
) -> list[Link]:
    """The newest version first."""
    numbers = {version.digest: version.number for version in versions}
    links = [
        Link(
            version,
            numbers.get(version.parent or ""),
            tuple(alias for alias, number in aliases.items() if number == version.number),
            deletions.get(version.number),
        )
        for version in versions
    ]
    return links[::-1]
