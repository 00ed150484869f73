"""A real S3 server over HTTP that knows conditional writes, and keeps the versions of objects."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from minio import Minio
from minio.versioningconfig import ENABLED, VersioningConfig
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from storage.record import Record
from storage.settings import Settings

Answer = tuple[str, str]  # status, and S3's code
NO_SUCH_HEADER: Answer = ("501 Not Implemented", "NotImplemented")
CONFLICT: Answer = ("409 Conflict", "ConditionalRequestConflict")


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: pytest shows what matters."""


@dataclass
class Conditional:
    """``moto``, one request at a time: it looks and writes in two steps."""

    answers: list[Answer] = field(default_factory=list)  # to the next conditional writes
    _app: Any = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._lock:
            if "HTTP_IF_NONE_MATCH" in environ and self.answers:
                status, code = self.answers.pop(0)
                start(status, [("Content-Type", "application/xml")])
                return [f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()]
            return list(self._app(environ, start))

    def serve(self) -> BaseWSGIServer:
        return make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Quiet)


@pytest.fixture(scope="session")
def moto() -> Iterator[tuple[Conditional, str]]:
    app = Conditional()
    server = app.serve()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield app, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def conditional(moto: tuple[Conditional, str]) -> Iterator[Conditional]:
    app, _ = moto
    yield app
    app.answers.clear()


@pytest.fixture
def conditional_settings(settings: Settings, moto: tuple[Conditional, str]) -> Settings:
    return settings.model_copy(update={"s3_endpoint": moto[1]})


@pytest.fixture
def client(conditional_settings: Settings) -> Minio:
    """Sees what is really there, every version of it."""
    given = conditional_settings
    key, secret = given.s3_access_key, given.s3_secret_key.get_secret_value()
    host = given.s3_endpoint.removeprefix("http://")
    return Minio(host, key, secret, secure=False, region=given.s3_region)


@pytest.fixture
def versioned(conditional_settings: Settings, client: Minio) -> Record:
    """A record whose bucket keeps versions, on a server that knows conditional writes."""
    client.make_bucket(conditional_settings.s3_bucket)
    client.set_bucket_versioning(conditional_settings.s3_bucket, VersioningConfig(ENABLED))
    return Record.open(conditional_settings)


@pytest.fixture(params=["knows If-None-Match", "knows no conditions"])
def either(request: pytest.FixtureRequest) -> Record:
    """A record on each of the two servers."""
    wanted = "versioned" if request.param.startswith("knows If") else "record"
    found: Record = request.getfixturevalue(wanted)
    return found


def everything(client: Minio, record: Record, prefix: str) -> list[str]:
    """Names of all that is kept under a prefix: old versions and delete markers, too."""
    found = client.list_objects(
        record.settings.s3_bucket, prefix, recursive=True, include_version=True
    )
    return [str(item.object_name) for item in found]
