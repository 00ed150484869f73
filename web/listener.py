"""gunicorn's configuration: who connects and stops in mid-sentence is hung up on, what it logs
stands among our own lines, and each of its processes sends its own traces.

Its threads wait for a request's head without a bound; ``web.pace`` watches the body alone.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from storage.settings import settings
from storage.traces import tracing

# Of no peer, be it a proxy on this machine, does gunicorn itself believe X-Forwarded-Proto or
# SCRIPT_NAME: web.hosts does, as LETHE_TRUSTED_PROXIES says.
forwarded_allow_ips = ""
logger_class = "web.gunicorn_log.GunicornLog"
accesslog = "-"  # written at all; where to, the class says


def when_ready(server: Any) -> None:
    """Called by gunicorn. What a listener has, the connections that it takes have, too."""
    silence = struct.pack("ll", settings().piece_seconds, 0)  # struct timeval
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, silence)


def pre_request(_worker: Any, _request: Any) -> None:
    """In place of gunicorn's own, which logs the path."""


def post_fork(_server: Any, _worker: Any) -> None:
    tracing.start("lethe-web", requests=True, trusted=settings().trusted_proxies > 0)


def worker_exit(_server: Any, _worker: Any) -> None:
    tracing.stop()
