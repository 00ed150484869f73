"""Imports: a model file is taken, and a worker says whether it became version 1."""

from __future__ import annotations

import structlog
from flask import request, url_for
from pydantic import Field

from storage import names
from storage.models.desk import ModelDesk, Upload
from storage.models.imports import Import
from storage.models.registry import Model
from web.accounts.signed_in import me
from web.api.contract import Resource
from web.api.fields import Digest, Document, Instant, Name, Sent
from web.api.problems import bad_fields
from web.models.model_import import Stage, stage_of, upload_of
from web.services import record, services

resource = Resource("Imports", "Model files that become version 1 of a new model.")
log = structlog.get_logger("web.api.imports")


class ImportForm(Sent):
    """A new model, with its file."""

    name: Name
    reference_faces: Name | None = Field(None, description="A face set; else the usual one.")
    benchmark_faces: Name | None = Field(None, description="A face set; else the usual one.")


class ImportBody(ImportForm):
    """A new model, whose file lies in the import folder of the workers."""

    path: str = Field(min_length=1, max_length=128, description="The file's name there.")
    verification: list[Name] = Field([], max_length=20, description="Face sets with pairs.")


class ImportDocument(Document):
    id: str
    model: Name
    stage: Stage
    file: str
    sha256: Digest | None = Field(description="null: it lies in the import folder.")
    actor: str
    at: Instant
    version: int | None = Field(description="That it became; null until then.")
    refusal: str = Field(description="Why the file was refused, in one line.")

    @classmethod
    def of(cls, found: Import) -> ImportDocument:
        outcome = found.outcome
        return cls(
            id=found.id,
            model=found.model.name,
            stage=stage_of(found),
            file=found.file,
            sha256=found.sha256,
            actor=found.actor,
            at=found.at,
            version=outcome.version if outcome else None,
            refusal=outcome.refusal if outcome else "",
        )


@resource.post(
    "/imports",
    answer=ImportDocument,
    status=202,
    body=ImportBody,
    form=ImportForm,
    files="file",
    problems=(404,),
    also=("Location",),
)
def import_model(body: ImportForm) -> tuple[ImportDocument, dict[str, str]]:
    """Import a model: the file is kept, and a worker checks it; ask for the import until it has."""
    config = record().settings
    pairs = body.verification if isinstance(body, ImportBody) else []
    model = Model(
        body.name,
        body.reference_faces or config.reference_faces,
        body.benchmark_faces or config.benchmark_faces,
        tuple(pairs),
    )
    given = names.model_file(body.path) if isinstance(body, ImportBody) else _file()
    found = ModelDesk(record(), services().queue).import_(model, given, me().name)
    log.info("import_taken", id=found.id, model=model.name, user=me().name)
    return ImportDocument.of(found), {"Location": url_for("api.show_import", import_id=found.id)}


@resource.get("/imports/<import_id>", answer=ImportDocument)
def show_import(import_id: str) -> ImportDocument:
    """Show how an import stands."""
    return ImportDocument.of(record().imports.get(import_id))


def _file() -> Upload:
    if "file" not in request.files:
        raise bad_fields([{"pointer": "#/file", "detail": "send the model as a file"}])
    return upload_of(request.files["file"])
