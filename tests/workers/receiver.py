"""A receiver of webhooks: a real HTTP server that keeps what it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Sent:
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass
class Receiver:
    """Answers the statuses in ``answers`` one after the other, then 204."""

    url: str = ""
    sent: list[Sent] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    location: str = ""
    open: threading.Event = field(default_factory=threading.Event)  # cleared, it never answers
    before_answer: Callable[[], None] = lambda: None

    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.sent]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.open.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.sent.append(Sent(self.path, headers, body))
            status = receiver.answers.pop(0) if receiver.answers else 204
            receiver.before_answer()
            receiver.open.wait(30)
            try:
                self.send_response(status)
                if receiver.location:
                    self.send_header("location", receiver.location)
                self.end_headers()
            except OSError:
                pass  # nobody waits for the answer any more

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/lethe?token=kept-quiet"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.open.set()
        server.shutdown()
        thread.join()
        server.server_close()
