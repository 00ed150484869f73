"""An HTTP proxy before a real server that does to requests and answers what networks do."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LOOPBACK = "127.0.0.1"
PATIENCE = 10.0  # seconds that the proxy waits for the real server
_OURS = {"connection", "content-length", "transfer-encoding"}


class Fault(StrEnum):
    SLOW = auto()  # everything arrives, `seconds` later
    SILENT = auto()  # the connection is taken, and nothing comes for `seconds`
    ANSWER_500 = auto()  # in the place of the server
    ANSWER_503 = auto()  # the same, and asks to come back in an hour
    CUT_REQUEST = auto()  # the server gets half of the body, then the connection breaks
    ALTER_REQUEST = auto()  # the server gets a body with one bit turned
    LOSE_ANSWER = auto()  # the server does it, then the connection breaks
    CUT_ANSWER = auto()  # half of the body comes, then the connection breaks
    TRUNCATE = auto()  # half of the body comes, with a length that fits
    ALTER = auto()  # the body comes with one bit turned


@dataclass
class Rule:
    """To which requests a fault happens, and how often it did."""

    fault: Fault
    method: str
    path: str  # a regular expression, searched for in path and query
    skip: int  # so many matching requests pass first
    times: float
    seconds: float
    hits: int = 0

    def takes(self, method: str, target: str) -> bool:
        if not re.fullmatch(self.method, method) or not re.search(self.path, unquote(target)):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.hits >= self.times:
            return False
        self.hits += 1
        return True


class Proxy:
    """Listens on a port of its own for as long as it is up."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self.upstream = (str(parts.hostname), int(parts.port or 80))
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._server: _Server | None = None
        self._port = 0
        self.up()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def on(
        self,
        fault: Fault,
        method: str = "[A-Z]+",
        path: str = "",
        *,
        skip: int = 0,
        times: float = float("inf"),
        seconds: float = 0.0,
    ) -> Rule:
        rule = Rule(fault, method, path, skip, times, seconds)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def rule_for(self, method: str, target: str) -> Rule | None:
        with self._lock:
            return next((rule for rule in self._rules if rule.takes(method, target)), None)

    def up(self) -> None:
        self._server = _Server((LOOPBACK, self._port), self)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """From now on connections are refused; none is open, for each serves one request."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def stop(self) -> None:
        self.stopped.set()
        self.down()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE

    def do_GET(self) -> None:
        with suppress(OSError, http.client.HTTPException):  # either side may go at any time
            self._serve()
        self.close_connection = True

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - the names that the base asks for

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        rule = self.server.proxy.rule_for(self.command, self.path)
        fault = rule.fault if rule else None
        if rule and fault in {Fault.SLOW, Fault.SILENT}:
            if fault is Fault.SILENT:
                self.server.proxy.stopped.wait(rule.seconds)
                return
            time.sleep(rule.seconds)
        if fault in {Fault.ANSWER_500, Fault.ANSWER_503}:
            self._answer_error(500 if fault is Fault.ANSWER_500 else 503)
            return
        if fault is Fault.ALTER_REQUEST:
            body = altered(body)
        self._forward(body, fault)

    def _answer_error(self, status: int) -> None:
        self.send_response(status)
        if status == http.client.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", "3600")
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def _forward(self, body: bytes, fault: Fault | None) -> None:
        upstream = http.client.HTTPConnection(*self.server.proxy.upstream, timeout=PATIENCE)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():  # as they came: some are signed
                upstream.putheader(name, value)
            upstream.endheaders()
            upstream.send(body[: len(body) // 2] if fault is Fault.CUT_REQUEST else body)
            if fault is Fault.CUT_REQUEST:
                return
            answer = upstream.getresponse()
            data = answer.read()
        finally:
            upstream.close()
        if fault is not Fault.LOSE_ANSWER:
            self._pass_on(answer, data, fault)

    def _pass_on(self, answer: http.client.HTTPResponse, data: bytes, fault: Fault | None) -> None:
        length = str(len(data))
        if self.command == "HEAD":
            length = answer.headers.get("Content-Length", "0")
        if fault is Fault.ALTER:
            data = altered(data)
        if fault is Fault.TRUNCATE:
            data = data[: len(data) // 2]
            length = str(len(data))
        if fault is Fault.CUT_ANSWER:
            data = data[: len(data) // 2]
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _OURS:
                self.send_header(name, value)
        if answer.status != http.client.NO_CONTENT:
            self.send_header("Content-Length", length)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def altered(data: bytes) -> bytes:
    """One bit turned, in the middle."""
    changed = bytearray(data)
    if changed:
        changed[len(changed) // 2] ^= 1
    return bytes(changed)
