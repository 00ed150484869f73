"""gunicorn's own lines, and one for each request, among all others of the process.

A request is told by its route, never by its path or query: these may hold a one-time link or the
text that somebody searched tickets by.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import structlog
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from storage.logs import setup
from web.request_log import FACTS

log = structlog.get_logger("gunicorn.access")

# Asked for every few seconds by machines, or for a page that has a line of its own.
QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/static/<path:filename>"})


class GunicornLog(Logger):  # type: ignore[misc] # gunicorn has no types
    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for own in (self.error_log, self.access_log):
            own.handlers.clear()
            own.propagate = True
            own.setLevel(logging.NOTSET)  # LETHE_LOG_LEVEL says
        setup.set_up()

    def access(
        self, resp: Any, _req: Any, environ: dict[str, Any], request_time: timedelta
    ) -> None:
        facts = environ.get(FACTS, {})
        say = log.debug if facts.get("route") in QUIET else log.info
        say(
            "request",
            method=environ.get("REQUEST_METHOD"),
            status=int(str(resp.status).split(" ", 1)[0]),
            milliseconds=round(request_time / timedelta(milliseconds=1), 1),
            bytes=getattr(resp, "sent", None),
            address=environ.get("REMOTE_ADDR"),
            **facts,
        )
