"""The page about the API: its document, for people."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from flask import Blueprint, render_template
from flask_babel import LazyString

from web.api.contract import JSON, MULTIPART
from web.api.document import Schema, build
from web.api.problem_words import WORDS
from web.services import record

pages = Blueprint("reference", __name__)

_SENT = {
    "model": "door-cameras",
    "name": "door-cameras",
    "subject": "DSR-2026-0142",
    "photos": "@1.jpg -F photos=@2.jpg -F photos=@3.jpg",
    "file": "@model.onnx",
}
_PATH = {
    "ticket": "t4q7w1z0k8m2p",
    "name": "door-cameras",
    "number": "2",
    "token": "4q7w1z0k8m2p",
    "user": "nora",
    "import_id": "i4q7w1z0k8m2p",
}
_FORMS = {JSON: "JSON", MULTIPART: "form"}


@dataclass(frozen=True)
class Part:
    """A parameter or a field."""

    name: str
    place: str  # path, query, header, body, or the body's form that has it
    kind: str
    required: bool
    about: str


@dataclass(frozen=True)
class Entry:
    """One operation as the page shows it."""

    name: str
    method: str
    path: str
    summary: str
    about: str  # its scope and roles
    parts: tuple[Part, ...]
    media: tuple[str, ...]  # of the body
    answers: tuple[tuple[str, str], ...]  # status, phrase
    options: tuple[str, ...]  # of curl
    address: str  # that curl is given, without the server's part


@pages.get("/api")
def show() -> str:
    base = record().settings.public_url
    return render_template("api.html", groups=_groups(), base=base, problems=_problems())


def _groups() -> list[tuple[str, str, list[Entry]]]:
    """Tag, what it is about, and its operations."""
    document = build()
    found = [
        (tag["name"], tag["description"], [*_entries(document, tag["name"])])
        for tag in document["tags"]
    ]
    return [group for group in found if group[2]]


def _entries(document: Schema, tag: str) -> Iterator[Entry]:
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag not in operation["tags"]:
                continue
            content = operation.get("requestBody", {}).get("content", {})
            options, address = _curl(method.upper(), path, operation, schemas)
            yield Entry(
                name=operation["operationId"],
                method=method.upper(),
                path=path,
                summary=_plain(operation["summary"]),
                about=operation["description"],
                parts=(*_parameters(operation, schemas), *_fields(content, schemas)),
                media=tuple(content),
                answers=tuple(_answers(operation)),
                options=options,
                address=address,
            )


def _parameters(operation: Schema, schemas: Schema) -> Iterator[Part]:
    for given in operation.get("parameters", []):
        yield Part(
            given["name"],
            given["in"],
            _kind(given["schema"], schemas),
            given.get("required", False),
            _plain(given.get("description", "")),
        )


def _fields(content: Schema, schemas: Schema) -> Iterator[Part]:
    """Of the body; where it may come in two forms, those of one alone are said to be."""
    forms = {media: _resolved(given["schema"], schemas) for media, given in content.items()}
    names = dict.fromkeys(name for form in forms.values() for name in form.get("properties", {}))
    for name in names:
        having = [media for media, form in forms.items() if name in form.get("properties", {})]
        form = forms[having[0]]
        given = form["properties"][name]
        place = "body" if len(having) == len(forms) else _FORMS[having[0]]
        required = name in form.get("required", [])
        about = _plain(given.get("description", ""))
        yield Part(name, place, _kind(given, schemas), required, about)


def _plain(text: str) -> str:
    """Without the marks that readers of the document turn into type."""
    return text.replace("`", "")


def _answers(operation: Schema) -> Iterator[tuple[str, str]]:
    for status in operation["responses"]:
        yield status, HTTPStatus(int(status)).phrase


def _kind(schema: Schema, schemas: Schema) -> str:
    """In a few words; nothing is said of what is absent."""
    schema = _resolved(schema, schemas)
    if options := [one for one in schema.get("anyOf", []) if one != {"type": "null"}]:
        return " or ".join(_kind(one, schemas) for one in options)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), schemas)}"
    if "contentMediaType" in schema:
        return "file"
    return str(schema.get("format") or schema.get("type") or "")


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return schema


def _curl(
    method: str, path: str, operation: Schema, schemas: Schema
) -> tuple[tuple[str, ...], str]:
    """Options and address of a call, with what is required."""
    given = operation.get("parameters", [])
    content = operation.get("requestBody", {}).get("content", {})
    options = [] if method == "GET" else [f"-X {method}"]
    if any(parameter["name"] == "Idempotency-Key" for parameter in given):
        options.append('-H "Idempotency-Key: $(uuidgen)"')
    if MULTIPART in content:
        form = _resolved(content[MULTIPART]["schema"], schemas)
        options += [f"-F {name}={_SENT[name]}" for name in form["required"] if name in _SENT]
    elif JSON in content:
        body = _example(_resolved(content[JSON]["schema"], schemas), schemas)
        options += [f"--json {shlex.quote(json.dumps(body))}"] if body else []
    for name, value in _PATH.items():
        path = path.replace(f"{{{name}}}", value)
    wanted = [
        f"{parameter['name']}={(parameter['schema'].get('enum') or ['…'])[0]}"
        for parameter in given
        if parameter["in"] == "query" and parameter.get("required")
    ]
    return tuple(options), path + (f"?{'&'.join(wanted)}" if wanted else "")


def _example(schema: Schema, schemas: Schema) -> dict[str, Any]:
    """Values for what is required."""
    found: dict[str, Any] = {}
    for name in schema.get("required", []):
        given = _resolved(schema["properties"][name], schemas)
        if "enum" in given:
            found[name] = given["enum"][0]
        elif given.get("format") == "date":
            found[name] = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
        elif given.get("type") == "integer":
            found[name] = 2
        else:
            found[name] = _SENT.get(name) or (given.get("examples") or ["…"])[0]
    return found


def _problems() -> list[tuple[int, str, LazyString]]:
    """Status, its phrase and what it means."""
    return [(status, HTTPStatus(status).phrase, words) for status, words in WORDS.items()]
