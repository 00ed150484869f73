"""How a request to the API is read and answered, by the operation's contract."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, request
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

from storage.canonical import Corrupt, parse
from web.api.contract import JSON, MULTIPART, Operation
from web.api.problems import Refused, bad_fields, faults


def serve(operation: Operation, **parts: Any) -> Response:
    """
    Raises:
        Refused: 400, 406, 415, 422
    """
    _check_accepted(operation)
    given = dict(parts)
    if operation.headers:
        given["headers"] = _headers(operation.headers)
    query = _query(operation)
    if query is not None:
        given["query"] = query
    if operation.body or operation.form:
        given["body"] = _body(operation)
    return _response(operation, operation.view(**given))


def _check_accepted(operation: Operation) -> None:
    accepted = request.accept_mimetypes
    if accepted and not accepted.quality(operation.media):
        raise Refused(406, f"this address answers with {operation.media}; accept that")


def _query(operation: Operation) -> BaseModel | None:
    if operation.query is None:
        if request.args:
            name = next(iter(request.args))[:64]
            raise bad_fields([{"parameter": name, "detail": "this address takes no parameters"}])
        return None
    return _checked(operation.query, _once(request.args, "parameter"), "parameter")


def _headers(model: type[BaseModel]) -> BaseModel:
    names = {field.alias or name for name, field in model.model_fields.items()}
    found = {name: request.headers[name] for name in names if name in request.headers}
    return _checked(model, found, "header")


def _body(operation: Operation) -> BaseModel:
    taken = [
        media for media, model in ((JSON, operation.body), (MULTIPART, operation.form)) if model
    ]
    if operation.form and request.mimetype == MULTIPART:
        fields = _once(request.form, "pointer")
        if strange := set(request.files) - {operation.files}:
            name = min(strange)[:64]
            line = f"no file goes here; send them as {operation.files}"
            raise bad_fields([{"pointer": f"#/{name}", "detail": line}])
        return _checked(operation.form, fields, "pointer")
    if operation.body is None or not (request.mimetype == JSON or _may_be_empty(operation.body)):
        raise Refused(415, f"send {' or '.join(taken)}, named in Content-Type")
    data = request.get_data() or b"{}"
    try:
        parse(data, "the body")
    except Corrupt as error:
        raise Refused(400, f"{error}; send one JSON object") from None
    try:
        return operation.body.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise bad_fields(faults(error, "pointer")) from None


def _may_be_empty(model: type[BaseModel]) -> bool:
    """Where nothing is required, nothing need be sent, nor named."""
    optional = not any(field.is_required() for field in model.model_fields.values())
    return optional and not request.get_data()


def _once(given: MultiDict[str, str], place: str) -> dict[str, str]:
    for name in given:
        if len(given.getlist(name)) > 1:
            where = f"#/{name[:64]}" if place == "pointer" else name[:64]
            raise bad_fields([{place: where, "detail": "is given more than once"}])
    return given.to_dict()


def _checked(model: type[BaseModel], given: dict[str, Any], place: str) -> BaseModel:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise bad_fields(faults(error, place)) from None


def _response(operation: Operation, answer: Any) -> Response:
    headers: dict[str, str] = {}
    if isinstance(answer, tuple):
        answer, headers = answer
    if isinstance(answer, Response):
        response = answer
    elif isinstance(answer, BaseModel):
        response = Response(answer.model_dump_json(), mimetype=JSON)
    elif answer is None:
        response = Response(status=204)
        del response.headers["Content-Type"]
    else:
        response = Response(json.dumps(answer), mimetype=JSON)
    if operation.status != 200 and response.status_code == 200:
        response.status_code = operation.status
    response.headers.update(headers)
    if operation.method == "GET" and response.status_code == 200:
        if not response.is_streamed:
            response.add_etag()
        response.make_conditional(request)
    return response
