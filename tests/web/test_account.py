"""One's own account: password and sessions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from flask import Flask

from storage import keys
from storage.accounts.sessions import SESSION_SECONDS
from storage.accounts.users import Role
from storage.record import Record
from storage.settings import Settings
from tests.web.conftest import PASSWORD, Visitor
from web.accounts.browsers import in_words
from web.accounts.sign_in import make_sign_in_link_token
from web.app import create_app

_END = re.compile(r'action="(/account/sessions/[0-9a-f]{64}/end)"')
NEW = "seven unrelated llamas"

Visit = Callable[..., Visitor]


@pytest.fixture
def ada(visit: Visit) -> Visitor:
    return visit(Role.AUDITOR, "ada")


def change(visitor: Visitor, old: str, new: str, again: str | None = None) -> int:
    sent = {"old": old, "new": new, "again": new if again is None else again}
    return visitor.post("/account/password", sent, form="/account").status_code


def test_changing_the_password_asks_the_old_one_and_ends_the_other_sessions(
    record: Record, ada: Visitor, visit: Visit
) -> None:
    other = visit(Role.AUDITOR, "ada")
    assert change(ada, "not the old one", NEW) == 422
    assert other.get("/").status_code == 200
    assert change(ada, PASSWORD, NEW) == 303
    assert (ada.get("/").status_code, other.get("/").status_code) == (200, 302)
    assert record.users.authenticate("ada", PASSWORD) is None
    assert record.users.authenticate("ada", NEW) is not None


@pytest.mark.parametrize(
    ("new", "again", "line"),
    [(NEW, NEW + "s", "are not the same"), ("x" * 11, None, "use 12 to 256 characters"),
     ("x" * 257, None, "use 12 to 256 characters"), ("passwordpassword", None, "guessed")],
)  # fmt: skip
def test_a_new_password_that_cannot_be_is_refused_and_the_old_one_stays(
    record: Record, ada: Visitor, new: str, again: str | None, line: str
) -> None:
    sent = {"old": PASSWORD, "new": new, "again": new if again is None else again}
    page = ada.post("/account/password", sent, form="/account")
    assert (page.status_code, line in page.text) == (422, True)
    assert record.users.authenticate("ada", PASSWORD) is not None


def test_old_passwords_cannot_be_tried_without_end_in_a_session_left_open(ada: Visitor) -> None:
    answers = [change(ada, f"guess number {number}", NEW) for number in range(11)]
    assert answers == [422] * 10 + [429]


def test_an_account_without_a_password_chooses_its_first_one(app: Flask, record: Record) -> None:
    record.users.add("admin", Role.ADMIN, None)
    visitor = Visitor(app.test_client())
    link = f"/sign-in/link/{make_sign_in_link_token(record.redis, 'admin')}"
    visitor.post(link, form=link)
    assert "Choose a password" in visitor.get("/account").text
    assert change(visitor, "", NEW) == 303
    assert change(visitor, "", "another few words") == 422
    assert record.users.authenticate("admin", NEW) is not None


def test_sessions_are_listed_with_browser_and_address_and_each_can_be_ended(
    app: Flask, record: Record, ada: Visitor
) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    other = Visitor(app.test_client())
    other.client.environ_base |= {"REMOTE_ADDR": "192.0.2.7", "HTTP_USER_AGENT": agent}
    sent = {"name": "ada", "password": PASSWORD}
    assert other.post("/sign-in", sent, form="/sign-in").status_code == 303
    page = ada.get("/account").text
    assert "Firefox, Linux" in page
    assert "192.0.2.7" in page
    assert page.count("This one") == 1
    (end,) = _END.findall(page)
    assert ada.post(end, form="/account").status_code == 303
    assert (other.get("/").status_code, ada.get("/").status_code) == (302, 200)
    assert ada.post(end, form="/account").status_code == 400  # it has ended already
    assert len(record.sessions.of("ada")) == 1


def test_a_session_of_somebody_else_cannot_be_ended(
    record: Record, ada: Visitor, visit: Visit
) -> None:
    eve = visit(Role.ADMIN, "eve")
    (session,) = record.sessions.of("ada")
    assert eve.post(f"/account/sessions/{session.id}/end", form="/account").status_code == 400
    assert ada.get("/").status_code == 200


def test_ending_all_others_leaves_this_one(ada: Visitor, visit: Visit) -> None:
    others = [visit(Role.AUDITOR, "ada") for _ in range(2)]
    assert ada.post("/account/sessions/end", form="/account").status_code == 303
    assert "2 other sessions have ended." in ada.get("/account").text
    assert [other.get("/").status_code for other in others] == [302, 302]


def test_a_session_that_nobody_uses_ends_and_one_in_use_goes_on(
    record: Record, settings: Settings
) -> None:
    record.users.add("ada", Role.AUDITOR, PASSWORD)
    short = create_app(settings.model_copy(update={"session_idle_seconds": 2}))
    idle, busy = Visitor(short.test_client()), Visitor(short.test_client())
    for visitor in (idle, busy):
        visitor.post("/sign-in", {"name": "ada", "password": PASSWORD}, form="/sign-in")
    for _ in range(5):
        time.sleep(0.5)
        assert busy.get("/account").status_code == 200
    assert idle.get("/account").status_code == 302


def test_what_a_page_asks_by_itself_keeps_no_session_alive(record: Record, ada: Visitor) -> None:
    (session,) = record.sessions.of("ada")
    key = keys.session(session.id)
    record.redis.hset(key, "seen", str(time.time() - 3600))
    record.redis.expire(key, 1000)
    ada.get("/tickets/t000000000000/progress")
    assert record.redis.ttl(key) <= 1000
    ada.get("/account")
    assert record.redis.ttl(key) > 7000


def test_a_session_ends_after_twelve_hours_however_busy_it_was(
    record: Record, ada: Visitor
) -> None:
    (session,) = record.sessions.of("ada")
    ends = float(str(record.redis.hget(keys.session(session.id), "ends")))
    assert SESSION_SECONDS - 60 < ends - time.time() <= SESSION_SECONDS
    record.redis.hset(keys.session(session.id), "ends", str(time.time() - 1))
    assert ada.get("/").status_code == 302


def test_no_token_of_a_session_is_kept_anywhere(record: Record, ada: Visitor) -> None:
    with ada.client.session_transaction() as cookie:
        token = cookie["_user_id"]
    for key in record.redis.scan_iter():
        assert token not in str(key)
    assert token not in str(record.sessions.of("ada"))


@pytest.mark.parametrize(
    ("agent", "words"),
    [("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
      "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "Edge, Windows"),
     ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
      "Gecko) Version/17.5 Mobile/15E148 Safari/604.1", "Safari, iPhone"),
     ("<script>alert(1)</script>", ""), ("", "")],
)  # fmt: skip
def test_a_browser_is_known_by_rough_words_alone(agent: str, words: str) -> None:
    assert in_words(agent) == words
