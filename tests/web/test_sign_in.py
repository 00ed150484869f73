import re
from collections.abc import Callable

import pytest
from flask import Flask

from storage import object_names
from storage.accounts.users import Role
from storage.record import Record
from storage.settings import Settings
from tests.web.conftest import PASSWORD, Visitor
from web.accounts.sign_in import make_sign_in_link_token
from web.app import create_app
from web.limits import PASSWORDS

FAILURES = PASSWORDS[0].amount

_TOKEN = re.compile(r'name="csrf_token" value="[^"]+"')


@pytest.fixture
def ada(record: Record) -> str:
    record.users.add("ada", Role.APPROVER, PASSWORD)
    return "ada"


def sign_in(visitor: Visitor, name: str, password: str, **more: str) -> object:
    data = {"name": name, "password": password, **more}
    return visitor.post("/sign-in", data, form="/sign-in")


def test_the_right_password_leads_to_the_page_that_was_asked_for(
    stranger: Visitor, ada: str
) -> None:
    asked = stranger.get("/tickets?state=submitted")
    assert asked.headers["Location"] == "/sign-in?next=/tickets?state%3Dsubmitted"
    answer = sign_in(stranger, ada, PASSWORD, next="/tickets?state=submitted")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tickets?state=submitted")
    assert stranger.get("/tickets").status_code == 200


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(
    stranger: Visitor, ada: str
) -> None:
    wrong = sign_in(stranger, ada, "not the password")
    unknown = sign_in(stranger, "eve", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    assert "Name or password is wrong." in wrong.text
    assert _TOKEN.sub("", wrong.text).replace("ada", "eve") == _TOKEN.sub("", unknown.text)


def test_the_cookie_is_secure_http_only_and_same_site(settings: Settings, record: Record) -> None:
    record.users.add("ada", Role.APPROVER, PASSWORD)
    secure = create_app(settings.model_copy(update={"secure_cookies": True}))
    visitor = Visitor(secure.test_client())
    page = visitor.get("/sign-in", base_url="https://localhost")
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("__Host-lethe=")
    for flag in ("; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"):
        assert flag in cookie
    assert "max-age=" in page.headers["Strict-Transport-Security"]


def test_a_session_planted_before_sign_in_is_not_signed_in_after_it(
    app: Flask, stranger: Visitor, ada: str
) -> None:
    stranger.get("/sign-in")
    planted = stranger.client.get_cookie("lethe")
    assert planted is not None
    sign_in(stranger, ada, PASSWORD)
    signed_in = stranger.client.get_cookie("lethe")
    assert signed_in is not None
    assert signed_in.value != planted.value
    attacker = app.test_client()
    attacker.set_cookie("lethe", planted.value)
    assert attacker.get("/tickets").status_code == 302


def test_signing_out_ends_the_session_for_a_copied_cookie_too(
    app: Flask, visit: Callable[[Role], Visitor]
) -> None:
    visitor = visit(Role.AUDITOR)
    cookie = visitor.client.get_cookie("lethe")
    assert cookie is not None
    thief = app.test_client()
    thief.set_cookie("lethe", cookie.value)
    assert thief.get("/tickets").status_code == 200
    assert visitor.post("/sign-out").status_code == 303
    assert thief.get("/tickets").status_code == 302


def test_an_account_taken_away_is_signed_out_with_the_next_click(
    record: Record, visit: Callable[[Role], Visitor]
) -> None:
    visitor = visit(Role.APPROVER)
    record.objects.remove_all(object_names.user("approver"))
    assert visitor.get("/tickets").status_code == 302


def test_ten_failures_lock_the_account_for_that_address_alone(app: Flask, ada: str) -> None:
    near, far = Visitor(app.test_client()), Visitor(app.test_client())
    far.client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    for _ in range(FAILURES):
        assert sign_in(near, ada, "not the password").status_code == 401
    locked = sign_in(near, ada, PASSWORD)
    assert locked.status_code == 429
    assert 0 < int(locked.headers["Retry-After"]) <= 900
    assert "Wait 15 minutes" in locked.text
    assert sign_in(far, ada, PASSWORD).status_code == 303


def test_a_sign_in_that_succeeds_forgets_the_failures_before_it(app: Flask, ada: str) -> None:
    for password in (["wrong wrong wrong"] * (FAILURES - 1) + [PASSWORD]) * 2:
        answer = sign_in(Visitor(app.test_client()), ada, password)
        assert answer.status_code == (303 if password == PASSWORD else 401)


def test_a_link_can_be_looked_at_and_then_signs_in_exactly_once(
    app: Flask, record: Record, stranger: Visitor
) -> None:
    record.users.add("admin", Role.ADMIN, PASSWORD)
    link = f"/sign-in/link/{make_sign_in_link_token(record.redis, 'admin')}"
    for _ in range(2):
        assert "Sign in as admin" in stranger.get(link).text
    assert stranger.post(link, form=link).status_code == 303
    assert stranger.get("/users").status_code == 200
    late = Visitor(app.test_client())
    again = late.post(link, form="/sign-in")
    assert again.status_code == 404
    assert "It was used already" in again.text
    assert late.get("/tickets").status_code == 302


def test_a_link_lives_for_an_hour_and_its_token_is_nowhere_in_redis(record: Record) -> None:
    token = make_sign_in_link_token(record.redis, "admin")
    (key,) = record.redis.keys("lethe:sign-in:*")
    assert token not in str(key)
    assert 3500 < record.redis.ttl(key) <= 3600


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "/\t/evil.example", "tickets",
     "javascript:alert(1)", "///evil.example", "/ok\r\nSet-Cookie: a=b"],
)  # fmt: skip
def test_next_never_leads_to_another_site(stranger: Visitor, ada: str, target: str) -> None:
    answer = sign_in(stranger, ada, PASSWORD, next=target)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_a_form_without_its_token_is_refused_and_changes_nothing(
    stranger: Visitor, ada: str
) -> None:
    answer = stranger.client.post("/sign-in", data={"name": ada, "password": PASSWORD})
    assert answer.status_code == 400
    assert "did not come from this site" in answer.text
    assert stranger.get("/tickets").status_code == 302
