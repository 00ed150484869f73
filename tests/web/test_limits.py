"""How often anything may be tried."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from lethe.stack.process import free_port
from lethe.stack.servers import start_redis
from storage.accounts.api_tokens import Scope
from storage.accounts.users import Role
from storage.record import Record
from storage.settings import BadSettings, Settings
from storage.settings import settings as read
from tests.web.conftest import PASSWORD, Visitor
from web.app import create_app
from web.limits import DOWNLOADS, SIGN_INS, SUBMISSIONS
from web.permissions import TABLE


def sign_in(visitor: Visitor, name: str, password: str = "") -> int:
    sent = {"name": name, "password": password}
    return visitor.post("/sign-in", sent, form="/sign-in").status_code


def limited(settings: Settings, **limits: str) -> Flask:
    return create_app(settings.model_copy(update=limits))


def test_one_address_tries_many_accounts_so_often_and_no_more(
    record: Record, settings: Settings
) -> None:
    record.users.add("ada", Role.APPROVER, PASSWORD)
    app = limited(settings, limit_sign_ins="5 per minute")
    near, far = Visitor(app.test_client()), Visitor(app.test_client())
    far.client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    assert [sign_in(near, f"user{number}") for number in range(6)] == [401] * 5 + [429]
    assert sign_in(near, "ada", PASSWORD) == 429
    assert sign_in(far, "ada", PASSWORD) == 303


def test_links_are_tried_as_often_as_passwords(settings: Settings) -> None:
    stranger = Visitor(limited(settings, limit_sign_ins="3 per minute").test_client())
    answers = [
        stranger.post(f"/sign-in/link/{number}", form="/sign-in").status_code for number in range(4)
    ]
    assert answers == [404, 404, 404, 429]


def test_the_answer_says_when_to_try_again_and_what_to_do(settings: Settings) -> None:
    stranger = Visitor(limited(settings, limit_sign_ins="1 per minute").test_client())
    sign_in(stranger, "ada")
    page = stranger.post("/sign-in", {"name": "ada"}, form="/sign-in")
    assert page.status_code == 429
    assert 0 < int(page.headers["Retry-After"]) <= 60
    assert "Wait 1 minute, then try again." in page.text


def test_submissions_are_counted_for_each_account(record: Record, settings: Settings) -> None:
    app = limited(settings, limit_submissions="2 per minute")
    ada, bob = (_visitor(app, record, name) for name in ("ada", "bob"))
    submit = lambda who: who.post("/tickets/new", {}, form="/account").status_code  # noqa: E731
    assert [submit(ada) for _ in range(3)] == [422, 422, 429]
    assert submit(bob) == 422
    assert ada.get("/tickets/new").status_code == 200  # looking is not submitting


def test_an_empty_limit_is_none(record: Record, settings: Settings) -> None:
    record.users.add("ada", Role.APPROVER, PASSWORD)
    app = limited(settings, limit_sign_ins="")
    answers = {sign_in(Visitor(app.test_client()), f"user{number}") for number in range(5)}
    assert answers == {401}


def test_a_limit_is_taken_off_by_a_word_for_an_empty_variable_is_as_good_as_unset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = {"s3_endpoint": "http://127.0.0.1:1", "s3_access_key": "a", "s3_secret_key": "b"}
    for given, limit in (("none", ""), ("", "600 per minute")):
        monkeypatch.setenv("LETHE_LIMIT_API", given)
        assert Settings(**store).limit_api == limit


def test_a_limit_that_is_none_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETHE_LIMIT_API", "lots")
    read.cache_clear()
    with pytest.raises(BadSettings, match=r'LETHE_LIMIT_API: .*"60 per minute'):
        read()
    read.cache_clear()


def test_every_endpoint_that_is_counted_is_one() -> None:
    assert set(TABLE) >= SIGN_INS | SUBMISSIONS | DOWNLOADS


def test_the_api_is_counted_for_each_token_s_owner(record: Record, settings: Settings) -> None:
    record.users.add("ada", Role.REQUESTER, PASSWORD)
    _, secret = record.api_tokens.issue("ada", "kiosk", {Scope.READ}, 7, "ada")
    client = limited(settings, limit_api="2 per minute").test_client()
    headers = {"Authorization": f"Bearer {secret}"}
    answers = [client.get("/api/v1/tickets", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].content_type == "application/problem+json"
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60


def test_without_redis_nothing_is_counted_and_the_page_says_what_is_missing(
    settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    redis = start_redis(tmp_path / "redis", tmp_path / "redis.log", port, "secret")
    own = settings.model_copy(update={"redis_url": f"redis://:secret@127.0.0.1:{port}/0"})
    client = create_app(own).test_client()
    redis.stop()
    answer = client.post("/sign-in", data={"name": "ada", "password": "x"})
    assert answer.status_code == 503
    assert "does not answer" in answer.text


def test_what_is_counted_names_neither_account_nor_address(app: Flask, record: Record) -> None:
    sign_in(Visitor(app.test_client()), "adalovelace")
    found = [str(key) for key in record.redis.scan_iter("lethe:limits*")]
    assert len(found) == 2
    assert not any("adalovelace" in key or "127.0.0.1" in key for key in found)


def _visitor(app: Flask, record: Record, name: str) -> Visitor:
    record.users.add(name, Role.REQUESTER, PASSWORD)
    visitor = Visitor(app.test_client(), name)
    assert sign_in(visitor, name, PASSWORD) == 303
    return visitor
