"""Import: a model file is taken, and a worker says whether it became version 1."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum

import structlog
from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from storage import names
from storage.errors import BadInput
from storage.faces import face_lines
from storage.models.desk import BadModelFile, ModelDesk, Upload
from storage.models.imports import Import
from storage.models.registry import Model
from web import errors
from web.accounts.signed_in import me
from web.filters import mebibytes
from web.services import record, services
from web.wording import sentence

RECENT = 10  # imports under the form
_UNSAFE = re.compile(r"[^A-Za-z0-9._ ()+-]+")

pages = Blueprint("model_import", __name__)
log = structlog.get_logger("web.model_import")


class Stage(StrEnum):
    """How an import stands."""

    WAITING = "waiting"
    CHECKING = "checking"
    IMPORTED = "imported"
    REFUSED = "refused"


@dataclass(frozen=True)
class Words:
    title: LazyString
    tone: str
    sentence: LazyString


STAGES: dict[Stage, Words] = {
    Stage.WAITING: Words(
        lazy_gettext("Waits"),
        "wait",
        lazy_gettext("The file is kept. The next free worker checks it."),
    ),
    Stage.CHECKING: Words(
        lazy_gettext("Being checked"),
        "run",
        lazy_gettext("A worker reads the network, looks at its operators and embeds a face."),
    ),
    Stage.IMPORTED: Words(
        lazy_gettext("Imported"),
        "good",
        lazy_gettext("It is version 1 of its model now, and current."),
    ),
    Stage.REFUSED: Words(
        lazy_gettext("Refused"),
        "bad",
        lazy_gettext("The file was not imported, and is removed. The line says why."),
    ),
}


@dataclass(frozen=True)
class Form:
    """What somebody entered."""

    name: str = ""
    reference: str = ""
    benchmark: str = ""
    verification: tuple[str, ...] = ()
    file: str = ""  # in the workers' import folder

    @classmethod
    def read(cls, given: MultiDict[str, str]) -> Form:
        one = {key: given.get(key, "").strip()[:200] for key in ("name", "reference", "benchmark")}
        chosen = tuple(dict.fromkeys(given.getlist("verification")))[:20]
        return cls(**one, verification=chosen, file=given.get("path", "").strip()[:200])

    def model(self) -> Model:
        return Model(self.name, self.reference, self.benchmark, self.verification)


@pages.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> Response:
    most = mebibytes(record().settings.model_bytes)
    return errors.answer(
        413,
        what=_("The model file is larger than the %(most)s that this server takes.", most=most),
        do=_("Give the recogniser alone, or let LETHE_MODEL_BYTES allow more."),
    )


@pages.get("/imports/new")
def new() -> str:
    config = record().settings
    return _form(Form("", config.reference_faces, config.benchmark_faces))


@pages.post("/imports/new")
def create() -> tuple[str, int] | AnyResponse:
    form = Form.read(request.form)
    try:
        desk = ModelDesk(record(), services().queue)
        found = desk.import_(form.model(), _file(form), me().name)
    except BadInput as error:
        return _form(form, sentence(error)), 422
    log.info("import_taken", id=found.id, model=found.model.name, user=me().name)
    return redirect(url_for(".show", import_id=found.id), 303)


@pages.get("/imports/<import_id>")
def show(import_id: str) -> str:
    found = record().imports.get(import_id)
    stage = stage_of(found)
    return render_template(
        "model_import_state.html", found=found, stage=stage, words=STAGES[stage], stages=STAGES
    )


@pages.get("/imports/<import_id>/state")
def state(import_id: str) -> Response:
    stage = stage_of(record().imports.get(import_id))
    words = STAGES[stage]
    return jsonify(state=stage, title=str(words.title), sentence=str(words.sentence))


def stage_of(found: Import) -> Stage:
    if found.outcome is not None:
        return Stage.REFUSED if found.outcome.version is None else Stage.IMPORTED
    return Stage.CHECKING if record().leases.held("import", found.id) else Stage.WAITING


def _form(form: Form, problem: str = "") -> str:
    config = record().settings
    sets = face_lines.of(record(), face_lines.all_names(record()))
    recent = record().imports.recent(RECENT)
    return render_template(
        "model_import.html",
        form=form,
        problem=problem,
        people=[found.name for found in sets if found.people],
        pairs=[found.name for found in sets if found.pairs],
        folder=config.import_dir is not None,
        most=config.model_bytes,
        recent=[(found, STAGES[stage_of(found)]) for found in recent],
    )


def _file(form: Form) -> Upload | str:
    """
    Raises:
        BadModelFile: neither an upload nor a name was given, or both.
    """
    given = request.files.get("file")
    upload = given if given is not None and given.filename else None
    if (upload is None) == (not form.file):
        raise BadModelFile("choose a file to upload, or name one in the import folder: one of both")
    return names.model_file(form.file) if upload is None else upload_of(upload)


def upload_of(given: FileStorage) -> Upload:
    last = re.split(r"[/\\]", given.filename or "")[-1]
    name = names.model_file(_UNSAFE.sub("_", last).lstrip(". ()+-")[-120:])
    size = given.stream.seek(0, os.SEEK_END)
    given.stream.seek(0)
    return Upload(name, given.stream, size)  # type: ignore[arg-type]
