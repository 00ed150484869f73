"""The second factor in the pages: set up, asked for, recovered, required."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pyotp
import pytest
from flask import Flask

from storage.accounts.users import Role
from storage.record import Record
from storage.settings import Settings
from tests.web.conftest import PASSWORD, Visitor
from web.accounts.sign_in import make_sign_in_link_token
from web.app import create_app

_OFFER = re.compile(r'name="offer" value="([^"]+)"')
_KEY = re.compile(r'<code class="key">([A-Z2-7 ]+)</code>')
_CODES = re.compile(r'<li class="mono">([0-9a-z-]{19})</li>')
PATH = "/account/second-factor"

Visit = Callable[..., Visitor]


@pytest.fixture
def ada(visit: Visit) -> Visitor:
    return visit(Role.AUDITOR, "ada")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Puts this process's clock on by so many seconds."""
    away = [0]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + away[0])

    def put_on(seconds: int) -> None:
        away[0] += seconds

    return put_on


def now(key: str, steps: int = 0) -> str:
    """The code that an app shows, so many steps away."""
    return pyotp.TOTP(key).at(int(time.time()) + 30 * steps)


def enrol(visitor: Visitor) -> tuple[str, list[str]]:
    """The app's key and the recovery codes."""
    page = visitor.get(PATH).text
    offer, key = _OFFER.search(page), _KEY.search(page)
    assert offer is not None
    assert key is not None
    secret = key[1].replace(" ", "")
    sent = {"offer": offer[1], "code": now(secret)}
    answer = visitor.post(PATH, sent, form=PATH)
    assert answer.status_code == 200, answer.text
    return secret, _CODES.findall(answer.text)


def begin(app: Flask, name: str = "ada") -> Visitor:
    """Somebody who has the password and is asked for the code."""
    visitor = Visitor(app.test_client())
    answer = visitor.post("/sign-in", {"name": name, "password": PASSWORD}, form="/sign-in")
    assert answer.headers["Location"].startswith("/sign-in/code")
    return visitor


def answer(visitor: Visitor, code: str) -> int:
    return visitor.post("/sign-in/code", {"code": code}, form="/sign-in/code").status_code


def test_the_password_alone_signs_in_no_more(
    app: Flask, ada: Visitor, clock: Callable[[int], None]
) -> None:
    key, _ = enrol(ada)
    clock(30)
    thief = begin(app)
    assert thief.get("/tickets").status_code == 302
    assert answer(thief, "000000") == 401
    assert thief.get("/tickets").status_code == 302
    assert answer(thief, now(key)) == 303
    assert thief.get("/tickets").status_code == 200


def test_the_page_that_was_asked_for_comes_after_the_code(
    app: Flask, ada: Visitor, clock: Callable[[int], None]
) -> None:
    key, _ = enrol(ada)
    clock(30)
    visitor = Visitor(app.test_client())
    sent = {"name": "ada", "password": PASSWORD, "next": "/audit"}
    asked = visitor.post("/sign-in", sent, form="/sign-in")
    page = visitor.get(asked.headers["Location"])
    assert 'name="next" value="/audit"' in page.text
    sent = {"code": now(key), "next": "//evil.example/"}
    assert visitor.post("/sign-in/code", sent, form="/sign-in/code").headers["Location"] == "/"


def test_a_code_that_was_used_is_refused_within_its_own_time(
    app: Flask, ada: Visitor, clock: Callable[[int], None]
) -> None:
    key, _ = enrol(ada)
    assert answer(begin(app), now(key)) == 401  # used to confirm the key
    clock(30)
    code = now(key)
    assert answer(begin(app), code) == 303
    assert answer(begin(app), code) == 401
    assert answer(begin(app), now(key, -1)) == 401  # and none before it
    clock(30)
    assert answer(begin(app), now(key)) == 303


def test_the_clocks_may_differ_by_one_step_and_no_more(
    app: Flask, ada: Visitor, clock: Callable[[int], None]
) -> None:
    key, _ = enrol(ada)
    clock(120)
    visitor = begin(app)
    assert [answer(visitor, now(key, steps)) for steps in (2, -2)] == [401, 401]
    assert answer(visitor, now(key, -1)) == 303
    assert answer(begin(app), now(key, 1)) == 303


def test_a_recovery_code_works_once_however_it_is_typed(app: Flask, ada: Visitor) -> None:
    _, codes = enrol(ada)
    assert len(set(codes)) == 10
    visitor = begin(app)
    typed = codes[0].upper().replace("-", " ").replace("0", "O")
    assert answer(visitor, typed) == 303
    assert "9 are left" in visitor.get("/account").text
    assert answer(begin(app), codes[0]) == 401
    assert answer(begin(app), codes[1]) == 303


def test_new_recovery_codes_take_the_place_of_the_old_ones(app: Flask, ada: Visitor) -> None:
    _, old = enrol(ada)
    renewed = ada.post(f"{PATH}/recovery-codes", {"code": old[0]}, form=PATH)
    new = _CODES.findall(renewed.text)
    assert len(new) == 10
    assert answer(begin(app), old[1]) == 401
    assert answer(begin(app), new[0]) == 303


def test_neither_key_nor_codes_are_kept_in_the_clear(
    record: Record, ada: Visitor, capfd: pytest.CaptureFixture[str]
) -> None:
    key, codes = enrol(ada)
    kept = b"".join(record.objects.get(name) for name in record.objects.names(""))
    dump = kept.decode(errors="replace") + capfd.readouterr().out
    for redis_key in record.redis.scan_iter():
        dump += str(record.redis.dump(redis_key))
    for secret in (key, *codes, *(code.replace("-", "") for code in codes)):
        assert secret not in dump


def test_codes_are_tried_ten_times_and_no_more_whatever_the_address(
    app: Flask, ada: Visitor, clock: Callable[[int], None]
) -> None:
    key, _ = enrol(ada)
    clock(30)
    visitor = begin(app)
    assert [answer(visitor, "000000") for _ in range(11)] == [401] * 10 + [429]
    elsewhere = begin(app)
    elsewhere.client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    assert answer(elsewhere, now(key)) == 429
    assert ada.get("/tickets").status_code == 200  # who is in stays in


def test_a_code_without_the_password_before_it_opens_nothing(
    app: Flask, record: Record, ada: Visitor, clock: Callable[[int], None]
) -> None:
    key, _ = enrol(ada)
    clock(30)
    stranger = Visitor(app.test_client())
    assert stranger.get("/sign-in/code").status_code == 400
    assert stranger.post("/sign-in/code", {"code": now(key)}, form="/sign-in").status_code == 400
    assert stranger.get("/tickets").status_code == 302
    late = begin(app)
    for half in record.redis.scan_iter("lethe:account:half:*"):
        record.redis.delete(half)
    page = late.post("/sign-in/code", {"code": now(key)}, form="/sign-in")
    assert (page.status_code, "Sign in again" in page.text) == (400, True)


def test_a_cookie_copied_between_password_and_code_is_never_signed_in(
    app: Flask, ada: Visitor, clock: Callable[[int], None]
) -> None:
    key, _ = enrol(ada)
    clock(30)
    victim, thief = begin(app), Visitor(app.test_client())
    planted = victim.client.get_cookie("lethe")
    assert planted is not None
    thief.client.set_cookie("lethe", planted.value)
    assert answer(victim, now(key)) == 303
    assert thief.get("/tickets").status_code == 302
    clock(30)
    page = thief.post("/sign-in/code", {"code": now(key)}, form="/sign-in/code")
    assert (page.status_code, "Sign in again" in page.text) == (400, True)
    assert thief.get("/tickets").status_code == 302


def test_a_link_asks_for_the_code_too(
    app: Flask, record: Record, ada: Visitor, clock: Callable[[int], None]
) -> None:
    key, _ = enrol(ada)
    clock(30)
    link = f"/sign-in/link/{make_sign_in_link_token(record.redis, 'ada')}"
    visitor = Visitor(app.test_client())
    assert visitor.post(link, form=link).headers["Location"].startswith("/sign-in/code")
    assert visitor.get("/tickets").status_code == 302
    assert answer(visitor, now(key)) == 303


def test_switching_it_off_needs_a_code(app: Flask, record: Record, ada: Visitor) -> None:
    _, codes = enrol(ada)
    assert ada.post(f"{PATH}/off", {"code": "123456"}, form=PATH).status_code == 422
    assert record.users.find("ada").totp is not None
    assert ada.post(f"{PATH}/off", {"code": codes[0]}, form=PATH).status_code == 303
    visitor = Visitor(app.test_client())
    sent = {"name": "ada", "password": PASSWORD}
    assert visitor.post("/sign-in", sent, form="/sign-in").headers["Location"] == "/"


def test_a_wrong_code_leaves_it_off_and_keeps_the_key_on_the_page(
    record: Record, ada: Visitor
) -> None:
    page = ada.get(PATH).text
    offer, key = _OFFER.search(page), _KEY.search(page)
    assert offer is not None
    assert key is not None
    again = ada.post(PATH, {"offer": offer[1], "code": "000000"}, form=PATH)
    assert (again.status_code, key[1] in again.text) == (422, True)
    assert record.users.find("ada").totp is None


def test_an_offer_of_somebody_else_or_of_long_ago_is_refused(
    ada: Visitor, visit: Visit, record: Record, clock: Callable[[int], None]
) -> None:
    eve = visit(Role.AUDITOR, "eve")
    offer = record.second_factors.offer("eve")
    sent = {"offer": offer.sealed, "code": now(offer.secret)}
    assert ada.post(PATH, sent, form=PATH).status_code == 400
    assert record.users.find("ada").totp is None
    clock(31 * 60)
    sent["code"] = now(offer.secret)
    assert eve.post(PATH, sent, form=PATH).status_code == 400


def test_the_picture_of_the_key_needs_no_style(ada: Visitor) -> None:
    page = ada.get(PATH).text
    assert 'class="qr"' in page
    assert "style=" not in page


def test_an_admin_resets_it_for_who_lost_everything(
    app: Flask, record: Record, ada: Visitor, visit: Visit
) -> None:
    enrol(ada)
    visit(Role.ADMIN).post("/users/ada/second-factor/reset", form="/users")
    assert ada.get("/tickets").status_code == 302
    assert record.users.find("ada").totp is None
    visitor = Visitor(app.test_client())
    sent = {"name": "ada", "password": PASSWORD}
    assert visitor.post("/sign-in", sent, form="/sign-in").headers["Location"] == "/"


def test_where_it_is_required_nothing_else_is_reached_before_it_is_set_up(
    record: Record, settings: Settings
) -> None:
    record.users.add("ada", Role.ADMIN, PASSWORD)
    strict = create_app(settings.model_copy(update={"second_factor": "required"}))
    ada = Visitor(strict.test_client())
    ada.post("/sign-in", {"name": "ada", "password": PASSWORD}, form="/sign-in")
    for path in ("/", "/tickets", "/users", "/account", "/models"):
        assert ada.get(path).headers.get("Location") == PATH, path
    assert ada.get("/tickets/t000000000000/progress").status_code == 403
    assert ada.post("/account/password", form=PATH).headers["Location"] == PATH
    enrol(ada)
    assert ada.get("/users").status_code == 200


def test_another_secret_key_says_what_happened_and_recovery_codes_still_work(
    settings: Settings, ada: Visitor
) -> None:
    _, codes = enrol(ada)
    changed = settings.model_copy(update={"secret_key": type(settings.secret_key)("y" * 32)})
    visitor = begin(create_app(changed))
    page = visitor.post("/sign-in/code", {"code": "123456"}, form="/sign-in/code")
    assert (page.status_code, "LETHE_SECRET_KEY" in page.text) == (400, True)
    assert answer(visitor, codes[0]) == 303
