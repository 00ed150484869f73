"""What every answer keeps to: headers, error pages, health."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lethe.stack.process import Process, free_port
from lethe.stack.servers import start_redis
from storage.accounts.users import Role
from storage.record import Record
from storage.settings import Settings
from storage.tickets.ticket import Ticket
from tests.web.conftest import MODEL, Visitor
from web.app import create_app

PAGES = ("/", "/tickets", "/tickets/new", f"/models/{MODEL}", "/models", "/face-sets", "/users",
         "/audit", "/nowhere")  # fmt: skip
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=|<style", re.IGNORECASE)


def test_every_page_forbids_what_is_inline_or_elsewhere_and_holds_nothing_of_it(
    visit: Callable[[Role], Visitor], submitted: Callable[..., Ticket]
) -> None:
    root, ticket = visit(Role.ADMIN), submitted()
    for path in (*PAGES, f"/tickets/{ticket.id}"):
        answer = root.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert not INLINE.search(answer.text), path
        assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text), path


def test_style_and_script_are_our_own_files_and_small(stranger: Visitor) -> None:
    for name in ("lethe.css", "lethe.js", "icon.svg"):
        answer = stranger.get(f"/static/{name}")
        assert answer.status_code == 200
        assert len(answer.data) < 40_000


def test_alive_and_ready_are_told_to_whoever_asks(stranger: Visitor) -> None:
    assert stranger.get("/healthz").json == {"status": "alive"}
    answer = stranger.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ready", "missing": []})


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[tuple[Process, str]]:
    port = free_port()
    process = start_redis(tmp_path / "redis", tmp_path / "redis.log", port, "secret")
    yield process, f"redis://:secret@127.0.0.1:{port}/0"
    process.stop()


def test_without_redis_it_is_alive_not_ready_and_pages_say_what_to_do(
    own_redis: tuple[Process, str], settings: Settings
) -> None:
    process, url = own_redis
    own = settings.model_copy(update={"redis_url": url})
    record = Record.open(own)
    app = create_app(own)
    record.users.add("ada", Role.ADMIN, "correct horse battery")
    visitor = Visitor(app.test_client())
    sent = {"name": "ada", "password": "correct horse battery"}
    assert visitor.post("/sign-in", sent, form="/sign-in").status_code == 303
    process.stop()
    assert visitor.get("/healthz").status_code == 200
    ready = visitor.get("/readyz")
    assert (ready.status_code, ready.json["missing"]) == (503, ["redis"])
    page = visitor.get("/tickets")
    assert page.status_code == 503
    assert "Try again in a minute" in page.text
