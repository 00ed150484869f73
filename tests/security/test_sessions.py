"""Sessions: planted, kept, copied, forged."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from storage.accounts.desk import AccountDesk
from storage.accounts.roles import Role
from storage.record import Record
from storage.settings import Settings
from tests.web.conftest import PASSWORD, Visitor
from web.app import create_app

COOKIE = "lethe"


def cookie(visitor: Visitor) -> str:
    found = visitor.client.get_cookie(COOKIE)
    assert found is not None
    return found.value


def with_cookie(app: Flask, value: str) -> Visitor:
    visitor = Visitor(app.test_client())
    visitor.client.set_cookie(COOKIE, value)
    return visitor


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/account").status_code == 200


def test_a_session_that_was_planted_before_the_sign_in_is_not_the_one_after_it(
    app: Flask, record: Record
) -> None:
    record.users.add("ada", Role.ADMIN, PASSWORD)
    mallory = Visitor(app.test_client())
    mallory.get("/sign-in")
    planted = cookie(mallory)
    ada = with_cookie(app, planted)
    sent = {"name": "ada", "password": PASSWORD}
    assert ada.post("/sign-in", sent, form="/sign-in").status_code == 303
    assert is_in(ada)
    assert cookie(ada) != planted
    assert not is_in(with_cookie(app, planted))
    assert not is_in(mallory)


def test_a_sign_in_ends_what_the_browser_was_before(
    record: Record, visit: Callable[..., Visitor]
) -> None:
    record.users.add("ada", Role.REQUESTER, PASSWORD)
    browser = visit(Role.ADMIN)
    link = f"/sign-in/link/{record.sign_in_links.make('ada')}"
    assert browser.post(link, form=link).status_code == 303
    assert browser.get("/users").status_code == 403
    assert "ada" in browser.get("/account").text


def test_a_copied_cookie_is_worth_nothing_once_its_session_ended(
    app: Flask, record: Record, visit: Callable[..., Visitor]
) -> None:
    ends: tuple[Callable[[Visitor], object], ...] = (
        lambda ada: ada.post("/sign-out", form="/account"),
        lambda ada: AccountDesk(record).end_sessions(ada.name, "root"),
        lambda ada: AccountDesk(record).disable(ada.name, "root"),
        lambda ada: AccountDesk(record).set_password(ada.name, "seven unrelated llamas", "root"),
    )
    visit(Role.ADMIN, "root")
    for number, end in enumerate(ends):
        ada = visit(Role.ADMIN, f"ada{number}")
        copied = cookie(ada)
        assert is_in(with_cookie(app, copied))
        end(ada)
        assert not is_in(with_cookie(app, copied)), number


def test_a_cookie_that_this_server_did_not_sign_is_none(
    app: Flask, settings: Settings, visit: Callable[..., Visitor]
) -> None:
    ada = visit(Role.ADMIN)
    signed, right = cookie(ada), SecureCookieSessionInterface().get_signing_serializer(app)
    assert right is not None
    other = create_app(settings)
    other.secret_key = "another key, of another installation"
    serializer = SecureCookieSessionInterface().get_signing_serializer(other)
    assert serializer is not None
    session = right.loads(signed)
    forged = [
        str(serializer.dumps(session)), signed[:-2], signed[1:], signed.replace(".", "", 1), "",
        "x" * 4000, str(right.dumps({**session, "_user_id": "admin"})),
        str(right.dumps({**session, "_user_id": ["admin"]})),
        str(right.dumps({"half": {"a": 1}})),
    ]  # fmt: skip
    for value in forged:
        assert not is_in(with_cookie(app, value)), value
    assert is_in(with_cookie(app, str(right.dumps(session))))


def test_redis_holds_no_token_that_a_browser_could_send(
    app: Flask, record: Record, visit: Callable[..., Visitor]
) -> None:
    """Whoever reads Redis, or a copy of it, signs in as nobody."""
    ada = visit(Role.ADMIN)
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    session = serializer.loads(cookie(ada))
    for key in record.redis.scan_iter("lethe:account:session:*"):
        digest = str(key).rpartition(":")[2]
        assert digest not in str(session)
        assert not is_in(with_cookie(app, str(serializer.dumps({**session, "_user_id": digest}))))
