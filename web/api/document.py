"""The API's document: OpenAPI 3.1, made of the same contracts that requests are read by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from web.api.catalogue import OPERATIONS, PREFIX, RESOURCES
from web.api.contract import JSON, MULTIPART, PROBLEM, Operation
from web.api.problems import ProblemDocument
from web.api.scopes import SCOPES
from web.permissions import TABLE

ABOUT = (
    "Tickets, models, face sets and the audit log of this installation, as JSON. Send an API token "
    "with each request: `Authorization: Bearer lethe_…`. It may do what its scopes name and its "
    "owner's role allows. Refusals are problem details (RFC 9457). Lists come in pages: follow "
    "`next`. Answers to GET have an ETag; with If-None-Match an unchanged one is a 304."
)
PART = re.compile(r"<(?:int:)?(\w+)>")
_REF = "#/components/schemas/{model}"
_PARTS: dict[str, dict[str, Any]] = {
    "ticket": {"type": "string", "pattern": "^t[0-9a-z]{12}$"},
    "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$"},
    "user": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$"},
    "import_id": {"type": "string", "pattern": "^i[0-9a-z]{12}$"},
    "number": {"type": "integer", "minimum": 1, "maximum": 999_999},
    "token": {"type": "string", "pattern": "^[0-9a-hjkmnp-tv-z]{12}$"},
}
_HEADERS = {
    "Link": "Where the next page is (RFC 8288), as `next` says; not on the last page.",
    "Location": "The address of what was made.",
    "ETag": "Names what was answered; send it back in If-None-Match.",
    "Allow": "The methods that the address takes.",
    "Retry-After": "Seconds to wait.",
    "WWW-Authenticate": "What the token lacks (RFC 6750).",
}
_OF_STATUS = {401: ["WWW-Authenticate"], 403: ["WWW-Authenticate"], 429: ["Retry-After"]}
_BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}
_FILES: dict[str, dict[str, Any]] = {
    "photos": {
        "type": "array",
        "items": _BINARY,
        "description": "JPEG, PNG or WebP files, or zip and tar archives of them.",
    },
    "file": {**_BINARY, "description": "The recognition model: an ONNX file."},
}

Schema = dict[str, Any]


@cache
def document() -> bytes:
    return json.dumps(build(), ensure_ascii=False).encode()


@cache
def build() -> Schema:
    """The document; every reader gets the same object."""
    schemas = _schemas()
    paths: dict[str, Schema] = {}
    for operation in OPERATIONS:
        place = paths.setdefault(PREFIX + PART.sub(r"{\1}", operation.rule), {})
        place[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lethe", "version": version("lethe"), "description": ABOUT},
        "tags": [{"name": one.tag, "description": one.about} for one in RESOURCES],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {f"Problem{status}": _problem(status) for status in _statuses()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas() -> dict[str, Schema]:
    """Every model by its name; parameters are written out where they are used."""
    found: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemDocument, "serialization")]
    for operation in OPERATIONS:
        if operation.answer:
            found.append((operation.answer, "serialization"))
        if operation.body:
            found.append((operation.body, "validation"))
    _, definitions = models_json_schema(list(dict.fromkeys(found)), ref_template=_REF)
    schemas: dict[str, Schema] = definitions["$defs"]
    return dict(sorted(schemas.items()))


def _operation(operation: Operation, schemas: dict[str, Schema]) -> Schema:
    roles = ", ".join(sorted(TABLE[operation.endpoint]))
    summary = (operation.view.__doc__ or "").strip().split("\n")[0]
    scope = str(SCOPES[operation.endpoint])
    found: Schema = {
        "operationId": operation.name,
        "summary": summary.removesuffix("."),
        "description": f"Scope: {scope}. Roles: {roles}.",
        "tags": [operation.tag],
        "security": [{"token": [scope]}],
        "responses": _responses(operation),
    }
    if parameters := _parameters(operation, schemas):
        found["parameters"] = parameters
    if operation.body or operation.form:
        found["requestBody"] = _body(operation, schemas)
    return found


def _parameters(operation: Operation, schemas: dict[str, Schema]) -> list[Schema]:
    found: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": _PARTS[name]}
        for name in PART.findall(operation.rule)
    ]
    for place, model in (("query", operation.query), ("header", operation.headers)):
        if model is None:
            continue
        written = _written(model, schemas)
        for name, schema in written["properties"].items():
            parameter = {"name": name, "in": place, "schema": schema}
            if described := schema.pop("description", None):
                parameter["description"] = described
            if name in written.get("required", []):
                parameter["required"] = True
            found.append(parameter)
    return found


def _body(operation: Operation, schemas: dict[str, Schema]) -> Schema:
    content: dict[str, Schema] = {}
    required = True
    if operation.body:
        content[JSON] = {"schema": {"$ref": _REF.format(model=operation.body.__name__)}}
        required = any(field.is_required() for field in operation.body.model_fields.values())
    if operation.form:
        schema = _written(operation.form, schemas)
        schema.setdefault("properties", {})[operation.files] = _FILES[operation.files]
        schema["required"] = [*schema.get("required", []), operation.files]
        content[MULTIPART] = {"schema": schema}
        required = True
    return {"required": required, "content": content}


def _written(model: type[BaseModel], schemas: dict[str, Schema]) -> Schema:
    """A model's schema in place: what is absent is left out there, and never null."""
    schema = model.model_json_schema(ref_template=_REF)
    schemas.update(schema.pop("$defs", {}))
    for name, given in schema.get("properties", {}).items():
        options = [one for one in given.get("anyOf", []) if one != {"type": "null"}]
        if len(options) == 1:
            kept = {key: value for key, value in given.items() if key not in {"anyOf", "default"}}
            schema["properties"][name] = {**options[0], **kept}
    return schema


def _responses(operation: Operation) -> dict[str, Schema]:
    success: Schema = {"description": HTTPStatus(operation.status).phrase}
    named = [*operation.also, *(["ETag"] if operation.method == "GET" else [])]
    if named:
        success["headers"] = _headers(dict.fromkeys(named))
    schema = {"type": "string"} if operation.media.startswith("text/") else {}
    if operation.answer:
        schema = {"$ref": _REF.format(model=operation.answer.__name__)}
    success["content"] = {operation.media: {"schema": schema}}
    found = {str(operation.status): success}
    if operation.method == "GET":
        found["304"] = {"description": "Unchanged since the ETag in If-None-Match"}
    for status in operation.statuses:
        found[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return found


def _problem(status: int) -> Schema:
    found: Schema = {
        "description": HTTPStatus(status).phrase,
        "content": {PROBLEM: {"schema": {"$ref": _REF.format(model=ProblemDocument.__name__)}}},
    }
    if status in _OF_STATUS:
        found["headers"] = _headers(_OF_STATUS[status])
    return found


def _headers(names: Iterable[str]) -> dict[str, Schema]:
    return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}


def _statuses() -> list[int]:
    return sorted({status for operation in OPERATIONS for status in operation.statuses})
