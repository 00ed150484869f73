"""HTTP connections to the object store, and the headers that ``minio`` does not send."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import urllib3

CONNECT_SECONDS = 5.0  # at most; LETHE_S3_TIMEOUT may ask for less
RETRIES, SILENT_RETRIES = 3, 2  # after any failure; after a connection that broke or stayed silent
BACKOFF_SECONDS = 0.2  # urllib3 waits 0, 2, 4 times as long before it tries again
SKEW_MINUTES = 15  # S3 takes no signature that is older, or from the future
_REFUSALS = {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}
_new: ContextVar[bool] = ContextVar("new", default=False)


class ClockOff(urllib3.exceptions.HTTPError):
    """The store refused a request, and our clock is so far off its own that this is why.

    Not every store says so, and none can to a request whose answer has no body.
    """

    def __init__(self, minutes: int) -> None:
        super().__init__(f"{abs(minutes)} minutes {'behind' if minutes > 0 else 'ahead'}")


@contextmanager
def only_new() -> Iterator[None]:
    """What is written in here is written only where nothing is: ``If-None-Match: *`` (RFC 9110).

    The signature does not name the header, which it need not: a server that knows it obeys.
    """
    token = _new.set(True)
    try:
        yield
    finally:
        _new.reset(token)


class Connections(urllib3.PoolManager):
    """Sends each body's MD5 along (RFC 1864): what arrives altered is refused, not kept.

    The signature names a SHA-256 of the body, too, but not every server looks at it.
    """

    @classmethod
    def open(cls, timeout: float) -> Connections:
        """``timeout``: seconds that one request may hear nothing."""
        return cls(
            maxsize=16,
            timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, timeout), read=timeout),
            retries=urllib3.Retry(
                total=RETRIES,
                read=SILENT_RETRIES,
                backoff_factor=BACKOFF_SECONDS,
                status_forcelist=[500, 502, 503, 504],
                allowed_methods=None,  # deletions are POSTs, and may be asked for twice
                respect_retry_after_header=False,  # it may name hours
            ),
        )

    def urlopen(  # type: ignore[override]  # as PoolManager itself has it
        self, method: str, url: str, redirect: bool = True, **given: Any
    ) -> urllib3.BaseHTTPResponse:
        body = given.get("body")
        headers = urllib3.HTTPHeaderDict(given.get("headers"))
        if isinstance(body, bytes):
            md5 = hashlib.md5(body, usedforsecurity=False).digest()
            headers["Content-MD5"] = base64.b64encode(md5).decode()
        if method == "PUT" and _new.get():
            headers["If-None-Match"] = "*"
        given["headers"] = headers
        answer = super().urlopen(method, url, redirect=redirect, **given)
        if answer.status in _REFUSALS and abs(minutes := _behind(answer)) >= SKEW_MINUTES:
            raise ClockOff(minutes)
        return answer


def _behind(answer: urllib3.BaseHTTPResponse) -> int:
    """Minutes that our clock is behind the server's; 0 where it does not tell its time."""
    try:
        return round((parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()) / 60)
    except (KeyError, ValueError):
        return 0
