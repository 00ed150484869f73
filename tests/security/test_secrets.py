"""What must be nowhere: planted through every door, then looked for in logs, Redis and metrics."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
import structlog
from flask import Flask
from redis import Redis

from storage.accounts.api_tokens import Scope
from storage.accounts.desk import AccountDesk
from storage.accounts.roles import Role
from storage.models.registry import Version
from storage.record import Record
from tests.security.conftest import form_token
from tests.web.api.conftest import Caller
from tests.web.conftest import MODEL, Visitor, jpeg

PHOTO = "canary-Ada-Lovelace"
PERSON = "Canary Grace"
SUBJECT = "CANARY-0142"
REASON = "canary because"
RIGHT, WRONG = "canary right password", "canary wrong password"


@contextmanager
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Every line that our own code, Flask and the libraries would log meanwhile."""
    lines: list[str] = []

    def keep(_logger: Any, _name: str, event: structlog.types.EventDict) -> Any:
        lines.append(repr(event))
        raise structlog.DropEvent

    usual = structlog.get_config()["processors"]
    structlog.configure(processors=[keep])
    try:
        with caplog.at_level(logging.DEBUG):
            yield lines
    finally:
        structlog.configure(processors=usual)
        lines.extend(caplog.handler.format(line) for line in caplog.records)


def everything_in(redis: Redis) -> str:
    """Each key, with what it holds."""
    read: dict[str, Callable[[str], object]] = {
        "string": redis.get,
        "hash": redis.hgetall,
        "set": redis.smembers,
        "zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        "list": lambda key: redis.lrange(key, 0, -1),
    }
    found = {str(key): str(redis.type(key)) for key in redis.scan_iter()}
    return "\n".join(f"{key} {read[kind](key)}" for key, kind in found.items())


def _photos(start: int) -> list[tuple[io.BytesIO, str]]:
    return [(io.BytesIO(jpeg(seed)), f"{PHOTO}-{seed}.jpg") for seed in range(start, start + 3)]


def _ticket() -> dict[str, Any]:
    deadline = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    ground = "gdpr-17-1-b"
    return {"model": MODEL, "subject": SUBJECT, "legal_ground": ground, "deadline": deadline}


def _sign_in(app: Flask, password: str) -> Visitor:
    visitor = Visitor(app.test_client())
    sent = {"name": "ada", "password": password}
    visitor.post("/sign-in", sent, form="/sign-in")
    return visitor


@pytest.mark.usefixtures("model")
def test_no_secret_and_no_person_s_trace_is_in_a_log_in_redis_or_in_metrics(
    app: Flask,
    record: Record,
    call: Callable[..., Caller],
    caplog: pytest.LogCaptureFixture,
) -> None:
    secrets = [PHOTO, PERSON, RIGHT, WRONG]
    record.users.add("ada", Role.ADMIN, RIGHT)
    record.faces.add("staff", {PERSON: [jpeg(1), jpeg(2), jpeg(3)]})
    for name, seed in (("reference", 4), ("benchmark", 5)):
        record.faces.add(name, {"Other": [jpeg(seed)]})
    with logged(caplog) as lines:
        _sign_in(app, WRONG)
        _sign_in(app, RIGHT)
        offer = record.second_factors.offer("ada")
        codes = AccountDesk(record).enable_second_factor(
            "ada", offer, pyotp.TOTP(offer.secret).now()
        )
        secrets += [offer.secret, *codes]
        ada = _sign_in(app, RIGHT)
        ada.post("/sign-in/code", {"code": codes[0]}, form="/sign-in/code")
        cookie = ada.client.get_cookie("lethe")
        assert cookie is not None
        secrets.append(cookie.value)
        link = AccountDesk(record).link("ada", "ada")
        ada.get(f"/sign-in/link/{link}")
        _, token = record.api_tokens.issue("ada", "kiosk", {Scope.READ}, 7, "ada")
        secrets += [link, token, form_token(ada)]
        _by_pages(ada)
        _by_api(call(Role.ADMIN, "root"))
    assert len(lines) > 10
    assert "ticket_submitted" in "".join(lines)
    held, metrics = everything_in(record.redis), ada.get("/metrics").text
    for secret in secrets:
        assert secret not in "\n".join(lines), secret
        assert secret not in held, secret
        assert secret not in metrics, secret
    # Lists show both, so that Redis has them; a log or a metric goes further than Redis does.
    for shown in (SUBJECT, REASON):
        assert shown in held
        assert shown not in "\n".join(lines)
        assert shown not in metrics


def _by_pages(ada: Visitor) -> None:
    sent = ada.post("/tickets/new", _ticket() | {"photos": _photos(10)}, form="/account")
    assert sent.status_code == 303, sent.text
    assert ada.get(sent.headers["Location"]).status_code == 200
    refused = {"photos": [(io.BytesIO(b"no picture"), f"{PHOTO}.jpg"), *_photos(20)]}
    assert ada.post("/tickets/new", _ticket() | refused, form="/account").status_code == 422
    draft = ada.post("/tickets/drafts", _ticket(), form="/account").json
    again = {"photos": [(io.BytesIO(b"no picture"), f"{PHOTO}.jpg"), *_photos(20)]}
    assert ada.post(draft["urls"]["photos"], again, form="/account").status_code == 200
    named = _ticket() | {"face_set": "staff", "person": PERSON}
    assert ada.post(draft["urls"]["person"], named, form="/account").status_code == 200
    ada.get("/face-sets/staff/people", query_string={"start": PERSON})
    ada.get("/face-sets/staff/names", query_string={"q": PERSON})
    ada.get("/tickets", query_string={"q": SUBJECT})
    ada.get("/tickets.csv", query_string={"q": SUBJECT}, buffered=True)
    ada.post(sent.headers["Location"] + "/deny", {"reason": REASON}, form="/account")
    ada.post("/account/password", {"old": WRONG, "new": WRONG, "again": RIGHT}, form="/account")


def _by_api(root: Caller) -> None:
    photos = {name: file.getvalue() for file, name in _photos(30)}
    made = root.submit(photos, key="canary", subject=SUBJECT)
    assert made.status_code == 201
    assert root.submit({f"{PHOTO}.jpg": b"no picture"}, subject=SUBJECT).status_code == 422
    person = _ticket() | {"face_set": "staff", "person": PERSON}
    assert root.post("/tickets", person).status_code == 201
    assert root.post("/tickets", person | {"person": f"{PERSON} II"}).status_code >= 400
    assert root.post(f"/tickets/{made.json['id']}/deny", {"reason": REASON}).status_code == 200


def test_an_error_that_nobody_foresaw_is_logged_by_its_kind_and_place_alone(
    app: Flask, stranger: Visitor, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    """Its message may hold anything: a photo's name, a password that was typed."""

    def fail() -> str:
        raise RuntimeError(f"{PHOTO} {RIGHT}")

    app.view_functions["sign_in.form"] = fail
    with logged(caplog) as lines:
        page = stranger.get("/sign-in")
    assert page.status_code == 500
    (line,) = [line for line in lines if "fault" in line]
    assert "RuntimeError" in line
    assert "test_secrets.py" in line
    assert "fail" in line
    for place in (page.text, "\n".join(lines), "".join(capfd.readouterr())):
        assert PHOTO not in place
        assert RIGHT not in place


def test_what_a_page_of_an_error_says_names_no_server_and_no_software(
    visit: Callable[..., Visitor], model: Version
) -> None:
    admin = visit(Role.ADMIN)
    for path in ("/nowhere", f"/models/{model.model}/versions/9/promote", "/api/v1/nowhere",
                 "/tickets?state=x", "/static/nowhere", "/tickets/t00"):  # fmt: skip
        answer = admin.get(path)
        assert 400 <= answer.status_code < 500, path
        for word in ("Traceback", "werkzeug", "Werkzeug", "gunicorn", "redis://", "s3", ".py"):
            assert word not in answer.text, (path, word)
        assert "X-Powered-By" not in answer.headers
