"""Bodies that are too large, too deep, too many, of another kind than they say, or never end."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from storage.accounts.roles import Role
from storage.record import Record
from storage.settings import MIB, Settings
from tests.faults.web_process import WebProcess, serving
from tests.security.conftest import House, form_token
from tests.security.walk import Address, addresses
from tests.web.api.conftest import Caller
from tests.web.conftest import PASSWORD, Visitor
from web.api.catalogue import OPERATIONS
from web.app import create_app
from web.uploads import FORM_BYTES

UPLOADS = {"new_ticket.create", "drafts.submit", "draft_photos.add", "tickets.add_photos",
           "model_import.create", "api.submit_ticket", "api.add_photos",
           "api.import_model"}  # fmt: skip
DEEP = 100_000
BODIES: dict[str, bytes] = {
    "deep lists": b'{"reason":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"reason":' * 20_000 + b"1" + b"}" * 20_000,
    "a long number": b'{"limit":' + b"9" * DEEP + b"}",
    "no number": b'{"reason":NaN}',
    "infinity": b'{"reason":1e9999}',
    "twice": b'{"reason":"a","reason":"b"}',
    "half a letter": b'{"reason":"\\ud800"}',
    "not UTF-8": b'{"reason":"\xff"}',
    "UTF-16": '{"reason":"a"}'.encode("utf-16"),
    "a list": b"[]",
    "nothing": b"null",
    "two": b"{}{}",
    "a form": b"reason=because&role=admin",
    "a zip": b"PK\x03\x04" + bytes(100),
}


KINDS = ("application/x-www-form-urlencoded", "application/json", "multipart/form-data")


class Counted(io.RawIOBase):
    """A body without an end in sight, and how much of it was read."""

    def __init__(self, size: int) -> None:
        self.size, self.place, self.taken = size, 0, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.place = offset + (self.size if whence == io.SEEK_END else 0)
        return self.place

    def tell(self) -> int:
        return self.place

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.taken += len(buffer)
        buffer[:] = bytes(len(buffer))
        return len(buffer)


def writing(app: Flask) -> list[Address]:
    return [address for address in addresses(app) if address.method != "GET"]


def test_no_more_is_read_than_an_address_takes_whatever_a_body_claims_to_be(
    app: Flask, visit: Callable[..., Visitor], call: Callable[..., Caller], house: House
) -> None:
    admin, secret = visit(Role.ADMIN), call(Role.ADMIN).secret
    for address in writing(app):
        for kind in KINDS:
            body = Counted(10**13)
            answer = admin.client.open(
                address.path(house.of(address.endpoint)),
                method=address.method,
                input_stream=body,
                content_type=f"{kind}; boundary=x",
                headers={"Authorization": f"Bearer {secret}"},
            )
            assert answer.status_code < 500, (address, kind)
            assert body.taken <= FORM_BYTES, (address, kind)
            assert answer.status_code >= 400 or body.taken == 0, (address, kind)


def test_of_a_stranger_s_upload_nothing_is_read(app: Flask) -> None:
    client = app.test_client()
    for address in writing(app):
        if address.endpoint in UPLOADS:
            body = Counted(MIB)
            answer = client.open(
                address.path(),
                method="POST",
                input_stream=body,
                content_type="multipart/form-data; boundary=x",
            )
            # What a form sent without a session cannot be sent again: to the sign-in, or 401.
            assert answer.status_code in {302, 401}, address
            assert body.taken == 0, address


def test_a_form_of_too_many_parts_is_refused(
    visit: Callable[..., Visitor], settings: Settings, house: House
) -> None:
    admin, most = visit(Role.ADMIN), 2 * settings.photos_per_ticket + 20
    token = form_token(admin)
    parts = [("x", (io.BytesIO(b""), "")) for _ in range(most + 1)]
    data: dict[str, Any] = {"csrf_token": token, "photos": [part for _, part in parts]}
    before = house.objects()
    assert admin.client.post("/tickets/new", data=data).status_code == 413
    fields = "&".join(f"f{number}=1" for number in range(100_000))
    form = "application/x-www-form-urlencoded"
    sent = f"csrf_token={token}&{fields}"
    assert admin.client.post("/tickets/new", data=sent, content_type=form).status_code in {413, 422}
    assert house.objects() == before


def test_json_that_is_none_or_means_two_things_is_refused_by_every_operation(
    call: Callable[..., Caller], house: House
) -> None:
    caller, before = call(Role.ADMIN), house.objects()
    for operation in OPERATIONS:
        if operation.body is None:
            continue
        path = operation.rule
        for part, value in {**house.parts, "import_id": "i000000000000"}.items():
            path = path.replace(f"<int:{part}>", value).replace(f"<{part}>", value)
        for what, body in BODIES.items():
            answer = caller.open(operation.method, path, data=body, content_type="application/json")
            assert answer.status_code in {400, 413, 422}, (operation.name, what)
            assert answer.content_type == "application/problem+json"
            assert len(answer.data) < 4096, (operation.name, what)
    assert house.objects() == before


def test_a_body_of_another_kind_than_the_operation_s_is_not_looked_into(
    call: Callable[..., Caller], house: House
) -> None:
    caller, before = call(Role.ADMIN), house.objects()
    ticket, user = house.parts["ticket"], house.parts["user"]
    json, form = b'{"reason":"because"}', b"reason=because"
    multipart = b'--x\r\nContent-Disposition: form-data; name="reason"\r\n\r\nb\r\n--x--\r\n'
    for path, method in ((f"/tickets/{ticket}/deny", "POST"), (f"/users/{user}", "PATCH")):
        for kind, body in (
            ("text/plain", json), ("application/x-www-form-urlencoded", form), ("", json),
            ("multipart/form-data; boundary=x", multipart), ("application/json; x", form),
            ("application/xml", b"<reason/>"), ("application/jsonp", json),
        ):  # fmt: skip
            answer = caller.open(method, path, data=body, content_type=kind)
            assert answer.status_code in {400, 415}, (path, kind)
    deny = f"/tickets/{ticket}/deny"
    query = caller.open("POST", f"{deny}?reason=because", data=b"", content_type="")
    assert query.status_code in {400, 415, 422}
    assert house.objects() == before


@pytest.fixture
def web(record: Record, settings: Settings, tmp_path: Path) -> Iterator[WebProcess]:
    record.users.add("ada", Role.ADMIN, PASSWORD)
    with serving(settings, tmp_path, {"LETHE_PIECE_SECONDS": "1"}) as web:
        yield web


def _answer(connection: socket.socket) -> bytes:
    connection.settimeout(15)
    with suppress(OSError):
        return connection.recv(4096)
    return b""


def test_over_real_sockets_bodies_end_where_their_bounds_are(web: WebProcess) -> None:
    """In pieces without a length, byte by byte, with two lengths, with a request inside of one."""
    kind = b"Content-Type: application/x-www-form-urlencoded\r\n"
    head = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\n" + kind
    with web.connect() as endless:
        endless.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        piece = b"%x\r\n" % (64 * 1024) + b"a" * 64 * 1024 + b"\r\n"
        with suppress(OSError):
            for _ in range(4 * FORM_BYTES // (64 * 1024)):
                endless.sendall(piece)
        assert _answer(endless)[:12] in {b"HTTP/1.1 413", b"HTTP/1.1 400", b""}
    with web.connect() as slow:
        slow.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        start = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - start < 10:
                slow.sendall(b"1\r\na\r\n")
                time.sleep(0.2)
                slow.settimeout(0.001)
                with suppress(TimeoutError):
                    slow.recv(1, socket.MSG_PEEK)  # an answer, or the end
                    break
                slow.settimeout(15)
        assert 0.8 < time.monotonic() - start < 8
    smuggled = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for lengths in (
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 1e9\r\n\r\n", b"Transfer-Encoding: chunked, identity\r\n\r\n" + smuggled,
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + smuggled,
        b"Transfer-Encoding : chunked\r\n\r\n" + smuggled, b"X: " + b"a" * 20_000 + b"\r\n\r\n",
        b"X-A: a\r\n" * 200 + b"\r\n",
    ):  # fmt: skip
        with web.connect() as connection:
            connection.sendall(head + lengths)
            answer = b""
            while part := _answer(connection):
                answer += part
            assert b"lethe_tickets" not in answer, lengths[:60]
            assert not answer or answer.startswith(b"HTTP/1.1 4"), (lengths[:60], answer[:200])
    with web.connect() as fine:
        fine.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert _answer(fine).startswith(b"HTTP/1.1 200")


def test_a_limit_that_is_set_smaller_holds(
    record: Record, settings: Settings, visit: Callable[..., Visitor]
) -> None:
    small = create_app(
        settings.model_copy(update={"photo_bytes": 1000, "photos_per_ticket": 3, "model_bytes": 10})
    )
    visit(Role.ADMIN)
    admin = Visitor(small.test_client())
    link = f"/sign-in/link/{record.sign_in_links.make('admin')}"
    admin.post(link, form=link)
    for path, size in (("/tickets/new", 3000), ("/imports/new", 10)):
        data = {"csrf_token": form_token(admin), "file": (io.BytesIO(bytes(size + MIB)), "x.onnx")}
        assert admin.client.post(path, data=data).status_code == 413, path
