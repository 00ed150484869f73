"""Models: the line of versions, its files, and where its aliases point."""

from __future__ import annotations

from flask import Response
from werkzeug.http import generate_etag, parse_etags

from storage.models import lines
from storage.models.desk import ModelDesk, PolicyMoved
from storage.models.registry import ModelPolicy, Version
from web.accounts.signed_in import me
from web.api.contract import Resource
from web.api.model_documents import (
    DeletionQuery,
    IfMatch,
    ModelDocument,
    ModelPage,
    ModelSummary,
    MoveDocument,
    MoveQuery,
    Moves,
    PackQuery,
    PolicyBody,
    PolicyDocument,
    Promotion,
    Rollback,
    VersionDocument,
    VersionPage,
    VersionQuery,
)
from web.api.pages import NameQuery, by_name, next_page, page
from web.models import index as pages
from web.models import model_download
from web.services import record

resource = Resource("Models", "Lines of versions, their aliases and policies.")


@resource.get("/models", answer=ModelPage, query=NameQuery, also=("Link",))
def list_models(query: NameQuery) -> tuple[ModelPage, dict[str, str]]:
    """List models, by name."""
    shown, address, headers = by_name(record().models.registered(), query)
    known = lines.of(record(), shown, most=len(shown))
    items = [ModelSummary.of(name, known.get(name, lines.Line(0.0))) for name in shown]
    return ModelPage(items=items, next=address), headers


@resource.get("/models/<name>", answer=ModelDocument)
def show_model(name: str) -> ModelDocument:
    """Show a model."""
    models = record().models
    return ModelDocument.of(models.get(name), models.aliases(name), models.policy(name))


@resource.get("/models/<name>/versions", answer=VersionPage, query=VersionQuery, also=("Link",))
def list_versions(name: str, query: VersionQuery) -> tuple[VersionPage, dict[str, str]]:
    """List a model's versions, the newest first."""
    models = record().models
    models.get(name)
    numbers = [
        number for number in reversed(models.numbers(name)) if number < (query.after or number + 1)
    ]
    shown, more = page(numbers, query.limit)
    aliases, deleted = models.aliases(name), models.deleted(name)
    items = [
        VersionDocument.of(
            models.version(name, number),
            aliases,
            models.deletion(name, number) if number in deleted else None,
        )
        for number in shown
    ]
    address, headers = next_page(query, str(shown[-1]) if more else None)
    return VersionPage(items=items, next=address), headers


@resource.get("/models/<name>/versions/<int:number>", answer=VersionDocument)
def show_version(name: str, number: int) -> VersionDocument:
    """Show a version."""
    return _version(record().models.version(name, number))


@resource.get("/models/<name>/versions/<int:number>/model.onnx", media="application/octet-stream")
def download_version(name: str, number: int) -> Response:
    """Download the model file of a version; its ETag is the file's SHA-256."""
    return pages.download(name, number)


@resource.get(
    "/models/<name>/versions/<int:number>/pack",
    media="application/zip",
    query=PackQuery,
    problems=(400,),
)
def download_pack(name: str, number: int, query: PackQuery) -> Response:  # noqa: ARG001 - read there
    """Download a version as the pack that its consumer expects, with the steps to put it there."""
    return model_download.packed(name, number)


@resource.delete(
    "/models/<name>/versions/<int:number>",
    answer=VersionDocument,
    query=DeletionQuery,
    problems=(400,),
)
def delete_version(name: str, number: int, query: DeletionQuery) -> VersionDocument:
    """Delete a version's files for good; its manifest stays, for the chain."""
    return _version(ModelDesk(record()).delete(name, number, me().name, query.reason))


@resource.get("/models/<name>/moves", answer=Moves, query=MoveQuery)
def list_moves(name: str, query: MoveQuery) -> Moves:
    """List the last moves of a model's aliases, the newest first."""
    record().models.get(name)
    found = record().models.moves(name, query.limit)
    return Moves(items=[MoveDocument.model_validate(move) for move in found])


@resource.post("/models/<name>/promote", answer=VersionDocument, body=Promotion)
def promote_version(name: str, body: Promotion) -> VersionDocument:
    """Make a version the current one."""
    record().models.get(name)
    desk = ModelDesk(record())
    return _version(desk.promote(name, body.version, me().name, instead_of=body.instead_of))


@resource.post("/models/<name>/rollback", answer=VersionDocument, body=Rollback)
def roll_back(name: str, body: Rollback) -> VersionDocument:
    """Make the version that the current one was made from current again."""
    record().models.get(name)
    return _version(ModelDesk(record()).rollback(name, me().name, instead_of=body.instead_of))


@resource.get("/models/<name>/policy", answer=PolicyDocument, also=("ETag",))
def show_policy(name: str) -> PolicyDocument:
    """Show how a model's tickets are approved, and where its versions go."""
    record().models.get(name)
    return PolicyDocument.of(record().models.policy(name))


@resource.put(
    "/models/<name>/policy",
    answer=PolicyDocument,
    headers=IfMatch,
    body=PolicyBody,
    problems=(412,),
    also=("ETag",),
)
def settle_policy(
    name: str, headers: IfMatch, body: PolicyBody
) -> tuple[PolicyDocument, dict[str, str]]:
    """Settle a model's policy; with If-Match only where nobody changed it meanwhile."""
    record().models.get(name)
    known = None if headers.etag is None else _known(name, headers.etag)
    settled = ModelDesk(record()).settle(
        name,
        me().name,
        approval=str(body.approval),
        publish_as=body.publish_as,
        instead_of=known,
    )
    document = PolicyDocument.of(settled)
    return document, {"ETag": f'"{_etag(document)}"'}


def _known(name: str, etags: str) -> ModelPolicy:
    """The policy that whoever asks has read. That it still holds is seen once nobody else writes.

    Raises:
        PolicyMoved
    """
    policy = record().models.policy(name)
    if _etag(PolicyDocument.of(policy)) not in parse_etags(etags):
        raise PolicyMoved(f"model {name}: somebody changed its policy since you read it")
    return policy


def _etag(document: PolicyDocument) -> str:
    return generate_etag(document.model_dump_json().encode())


def _version(version: Version) -> VersionDocument:
    models = record().models
    deletion = models.deletion(version.model, version.number)
    return VersionDocument.of(version, models.aliases(version.model), deletion)
