"""Health: is the process alive, and can it work."""

from __future__ import annotations

import structlog
from flask import Blueprint, Response, jsonify
from redis.exceptions import RedisError

from storage.errors import LetheError
from web.services import record

pages = Blueprint("health", __name__)
log = structlog.get_logger("web.health")


@pages.get("/healthz")
def live() -> Response:
    return jsonify(status="alive")


@pages.get("/readyz")
def ready() -> tuple[Response, int]:
    """Redis and the object store answer."""
    missing = []
    try:
        record().redis.ping()
    except RedisError as error:
        log.warning("not_ready", part="redis", error=type(error).__name__)
        missing.append("redis")
    try:
        record().objects.exists("readyz")
    except LetheError as error:
        log.warning("not_ready", part="object store", error=type(error).__name__)
        missing.append("object store")
    return jsonify(status="ready" if not missing else "not ready", missing=missing), (
        503 if missing else 200
    )
