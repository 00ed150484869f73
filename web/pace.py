"""The pace of what is sent: who stops in mid-body, or sends a byte now and then, is cut off.

gunicorn waits for a body without a bound, and a few who stop would take all its threads.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import IO

from flask import Flask, g, request

from storage.settings import Settings

PIECE = 16 * 1024  # bytes that must come within LETHE_PIECE_SECONDS, or what is left of the body


def install(app: Flask, settings: Settings) -> None:
    def watch() -> None:
        connection = request.environ.get("gunicorn.socket")
        if connection is not None and request.content_length != 0 and _sends():
            g.body = _Body(request.environ["wsgi.input"], connection, settings.piece_seconds)
            request.environ["wsgi.input"] = g.body

    def stop(_: BaseException | None) -> None:
        if body := g.pop("body", None):
            body.stop()

    app.before_request(watch)
    app.teardown_request(stop)


def _sends() -> bool:
    return request.method in {"POST", "PUT", "PATCH", "DELETE"}


class _Body:
    """A request's body, read in pieces under a watch of its own."""

    def __init__(self, stream: IO[bytes], connection: socket.socket, seconds: float) -> None:
        self._stream, self._connection, self._seconds = stream, connection, seconds
        self._pieces = 0
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def read(self, size: int = -1) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(PIECE), b""))
        data = self._stream.read(min(size, PIECE))
        self._pieces += 1
        if not data:
            self.stop()
        return data

    def stop(self) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        seen = -1
        while seen != self._pieces:
            seen = self._pieces
            if self._stopped.wait(self._seconds):
                return
        with suppress(OSError):  # the sender may be gone by now
            self._connection.shutdown(socket.SHUT_RD)  # the reader finds the end of the body
