"""Accounts: how passwords are kept, and what a stranger can learn by trying."""

from __future__ import annotations

import time
from statistics import median

import pytest
from argon2 import PasswordHasher

from storage.accounts import passwords
from storage.accounts.passwords import MAX_PASSWORD, BadPassword
from storage.accounts.users import BadUser, Role
from storage.names import BadName
from storage.record import Record

PASSWORD = "correct horse battery"


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Still argon2id, at its least cost, where the cost is not what a test is about."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    nobody = hasher.hash(PASSWORD)
    monkeypatch.setattr(passwords, "_hasher", hasher)
    monkeypatch.setattr(passwords, "_nobody", lambda: nobody)


def test_a_password_is_kept_as_an_argon2id_hash_alone(record: Record):
    record.users.add("ada", Role.ADMIN, PASSWORD)
    kept = record.objects.get("users/ada.json")
    assert b'"password_hash":"$argon2id$v=19$m=65536,t=3,p=4$' in kept
    assert PASSWORD.encode() not in kept


@pytest.mark.usefixtures("cheap_hashes")
def test_a_user_signs_in_with_the_right_password_alone(record: Record):
    record.users.add("ada", Role.APPROVER, PASSWORD)
    found = record.users.authenticate("ada", PASSWORD)
    assert found is not None
    assert (found.name, found.role) == ("ada", Role.APPROVER)
    for wrong in ("", PASSWORD.upper(), PASSWORD + " ", PASSWORD[:-1]):
        assert record.users.authenticate("ada", wrong) is None


@pytest.mark.usefixtures("cheap_hashes")
def test_more_than_the_longest_password_is_not_that_password(record: Record):
    longest = (PASSWORD * MAX_PASSWORD)[:MAX_PASSWORD]
    record.users.add("ada", Role.ADMIN, longest)
    assert record.users.authenticate("ada", longest) is not None
    assert record.users.authenticate("ada", longest + "x") is None


@pytest.mark.usefixtures("cheap_hashes")
@pytest.mark.parametrize("name", ["nobody", "", "../ada", "Ada", "a/b", "\0"])
def test_an_unknown_user_is_nobody_whatever_the_name(record: Record, name: str):
    assert record.users.get(name) is None
    assert record.users.authenticate(name, PASSWORD) is None


def test_an_unknown_user_takes_about_as_long_as_a_wrong_password(record: Record):
    record.users.add("ada", Role.REQUESTER, PASSWORD)

    def seconds(name: str) -> float:
        start = time.process_time()
        assert record.users.authenticate(name, "not the password") is None
        return time.process_time() - start

    known, unknown = (median(seconds(name) for _ in range(3)) for name in ("ada", "bob"))
    assert 0.5 < known / unknown < 2


@pytest.mark.usefixtures("cheap_hashes")
@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * (MAX_PASSWORD + 1)])
def test_a_password_too_short_or_too_long_is_refused_and_no_user_made(
    record: Record, password: str
):
    with pytest.raises(BadPassword, match="use 12 to 256 characters"):
        record.users.add("ada", Role.ADMIN, password)
    assert record.users.get("ada") is None
    assert not record.users.any()


@pytest.mark.usefixtures("cheap_hashes")
def test_a_name_is_given_once(record: Record):
    record.users.add("ada", Role.REQUESTER, PASSWORD)
    with pytest.raises(BadUser, match="ada: exists already"):
        record.users.add("ada", Role.ADMIN, "another good password")
    found = record.users.get("ada")
    assert found is not None
    assert found.role is Role.REQUESTER


def test_a_name_that_is_none_is_refused(record: Record):
    with pytest.raises(BadName, match="user name"):
        record.users.add("../admin", Role.ADMIN, PASSWORD)
