"""The JSON API, ``/api/v1``: one file a resource, and one catalogue of all of them."""

from __future__ import annotations

from functools import partial, update_wrapper

from flask import Blueprint, Flask, Response, request
from flask_wtf.csrf import CSRFProtect

from web import uploads
from web.api import bearer, problems
from web.api.catalogue import OPERATIONS, PREFIX
from web.api.contract import JSON
from web.api.document import document
from web.api.problems import Refused
from web.api.serving import serve
from web.services import record

_FILES = {operation.endpoint: operation.files for operation in OPERATIONS if operation.files}


def install(app: Flask) -> None:
    """Before the table of permissions, which asks who it is that calls."""
    bearer.install(app)
    app.before_request(_widen)
    app.register_error_handler(Refused, problems.respond)


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Without CSRF tokens: no cookie is looked at."""
    pages = Blueprint("api", __name__, url_prefix=PREFIX)
    for operation in OPERATIONS:
        view = update_wrapper(partial(serve, operation), operation.view)
        pages.add_url_rule(operation.rule, operation.name, view, methods=[operation.method])
    pages.add_url_rule("/openapi.json", "openapi", _openapi)
    csrf.exempt(pages)
    app.register_blueprint(pages)


def _openapi() -> Response:
    """The same for everybody: nothing in it is of this installation."""
    response = Response(document(), mimetype=JSON)
    response.add_etag()
    response.make_conditional(request)
    return response


def _widen() -> None:
    """For who may send photos or a model, and only for them."""
    config = record().settings
    match _FILES.get(request.endpoint or ""):
        case "photos":
            request.max_content_length = uploads.upload_bytes(config)
        case "file":
            request.max_content_length = config.model_bytes + uploads.FORM_BYTES
