"""Guessing: of passwords, codes, links and tokens, from one address and from many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from flask import Flask

from storage.accounts import passwords
from storage.accounts.api_tokens import Scope
from storage.accounts.desk import AccountDesk
from storage.accounts.roles import Role
from storage.accounts.second_factor import looks_like_recovery
from storage.record import Record
from storage.settings import Settings
from tests.web.conftest import PASSWORD, Visitor
from web.app import create_app

HalfIn = tuple[Callable[[], Visitor], list[str]]


def guess(app: Flask, name: str, password: str, address: str = "192.0.2.1") -> int:
    visitor = Visitor(app.test_client())
    visitor.client.environ_base["REMOTE_ADDR"] = address
    sent = {"name": name, "password": password}
    return visitor.post("/sign-in", sent, form="/sign-in").status_code


def test_ten_wrong_passwords_lock_the_right_one_out(app: Flask, record: Record) -> None:
    record.users.add("ada", Role.ADMIN, PASSWORD)
    answers = [guess(app, "ada", f"wrong number {number}") for number in range(11)]
    assert answers == [401] * 10 + [429]
    assert guess(app, "ada", PASSWORD) == 429
    assert guess(app, " ADA", PASSWORD) == 429  # another spelling is not another account
    assert guess(app, "ada", PASSWORD, "198.51.100.9") == 303  # nobody locks its owner out


def test_a_network_that_one_caller_has_is_one_address(app: Flask, record: Record) -> None:
    """IPv6 gives every caller 2⁶⁴ addresses: each of them would have ten guesses."""
    record.users.add("ada", Role.ADMIN, PASSWORD)
    answers = [guess(app, "ada", "wrong", f"2001:db8:0:7::{number:x}") for number in range(1, 12)]
    assert answers == [401] * 10 + [429]
    assert guess(app, "ada", PASSWORD, "2001:db8:0:8::1") == 303


def test_many_accounts_from_one_network_are_counted_together(
    record: Record, settings: Settings
) -> None:
    record.users.add("ada", Role.ADMIN, PASSWORD)
    app = create_app(settings.model_copy(update={"limit_sign_ins": "5 per minute"}))
    answers = [guess(app, f"u{one}", "wrong", f"2001:db8::{one}") for one in range(1, 7)]
    assert answers == [401] * 5 + [429]


@pytest.fixture
def half_in(app: Flask, record: Record) -> HalfIn:
    """Browsers that showed Ada's password, and her recovery codes."""
    record.users.add("ada", Role.ADMIN, PASSWORD)
    offer = record.second_factors.offer("ada")
    code = pyotp.TOTP(offer.secret).now()
    codes = AccountDesk(record).enable_second_factor("ada", offer, code)

    def begin() -> Visitor:
        visitor = Visitor(app.test_client())
        sent = {"name": "ada", "password": PASSWORD}
        assert visitor.post("/sign-in", sent, form="/sign-in").status_code == 303
        return visitor

    return begin, codes


@pytest.mark.parametrize("wrong", ["000000", "0000-0000-0000-0000"])
def test_codes_are_counted_for_the_account_wherever_they_come_from(
    half_in: HalfIn, wrong: str
) -> None:
    begin, codes = half_in
    answers: list[int] = []
    for number in range(11):
        visitor = begin()
        visitor.client.environ_base["REMOTE_ADDR"] = f"198.51.100.{number}"
        sent = {"code": wrong}
        answers.append(visitor.post("/sign-in/code", sent, form="/sign-in/code").status_code)
    assert answers == [401] * 10 + [429]
    assert looks_like_recovery(codes[0])
    late = begin()
    assert late.post("/sign-in/code", {"code": codes[0]}, form="/sign-in/code").status_code == 429
    assert late.get("/tickets").status_code == 302


def test_the_first_step_opens_nothing_without_the_second(
    half_in: HalfIn,
) -> None:
    begin, codes = half_in
    visitor = begin()
    for path in ("/", "/tickets", "/account", "/account/second-factor", "/users"):
        assert visitor.get(path).headers["Location"].startswith("/sign-in"), path
    copied = visitor.client.get_cookie("lethe")
    assert copied is not None
    sent = {"code": codes[0]}
    assert visitor.post("/sign-in/code", sent, form="/sign-in/code").status_code == 303
    assert visitor.get("/account").status_code == 200
    thief = Visitor(visitor.client.application.test_client())
    thief.client.set_cookie("lethe", copied.value)
    sent = {"code": codes[1]}
    assert thief.post("/sign-in/code", sent, form="/sign-in").status_code == 400  # it is used up
    assert thief.get("/account").status_code == 302


def test_a_wrong_name_costs_what_a_wrong_password_costs(
    app: Flask, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One argon2id verification each, so that no clock tells who has an account."""
    record.users.add("ada", Role.ADMIN, PASSWORD)
    record.users.add("linked", Role.ADMIN, None)
    record.users.add("gone", Role.ADMIN, PASSWORD)
    AccountDesk(record).disable("gone", "ada")
    hasher, counted = passwords._hasher, []

    class Counting:
        def verify(self, hash: str, password: str) -> Any:
            counted.append(hash.split("$")[1:4])
            return hasher.verify(hash, password)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    pages = set()
    for name in ("ada", "linked", "gone", "nobody", "../ada", "ada\x00", "é" * 64):
        counted.clear()
        visitor = Visitor(app.test_client())
        sent = {"name": name, "password": "wrong but long enough"}
        answer = visitor.post("/sign-in", sent, form="/sign-in")
        assert (answer.status_code, len(counted)) == (401, 1), name
        pages.add((answer.text.count("Name or password is wrong."), counted[0][0]))
    assert pages == {(1, "argon2id")}


def test_a_token_s_id_is_no_part_of_its_secret(app: Flask, record: Record) -> None:
    record.users.add("ada", Role.ADMIN, PASSWORD)
    token, right = record.api_tokens.issue("ada", "kiosk", {Scope.READ}, 7, "ada")
    client, known = app.test_client(), f"lethe_{token.id}"
    for sent in (
        f"{known}_{64 * '0'}", f"{known}_", known, f"{known}_{10_000 * 'a'}", token.id,
        f"lethe_*_{64 * '0'}", f"{known}_%00{61 * '0'}", right[:-1], f"{right}0", right.upper(),
    ):  # fmt: skip
        answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {sent}"})
        assert answer.status_code == 401, sent
        assert "ada" not in answer.text
