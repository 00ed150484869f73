"""What is done with accounts, however many do it at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pyotp
import pytest

from storage import object_names
from storage.accounts.desk import AccountDesk
from storage.accounts.passwords import BadPassword
from storage.accounts.second_factor import BadSecondFactor
from storage.accounts.users import BadUser, LastAdmin, NoSuchUser, Role, User
from storage.audit.log import Filter
from storage.canonical import Corrupt
from storage.record import Record
from storage.store.objects import ObjectStore, StoreUnavailable

PASSWORD = "correct horse battery"


@pytest.fixture
def desk(record: Record) -> AccountDesk:
    for name in ("root", "second"):
        record.users.add(name, Role.ADMIN, None)
    record.users.add("ada", Role.REQUESTER, None)
    return AccountDesk(record)


def together(*acts: Callable[[], object]) -> list[Exception]:
    """Does all at the same moment; what they raised."""
    errors: list[Exception] = []
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            act()
        except BadUser as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_an_account_of_an_older_lethe_is_read_and_keeps_what_it_has(record: Record):
    old = {"name": "ada", "role": "auditor", "password_hash": "$argon2id$x"}
    record.objects.put_document(object_names.user("ada"), dict(old))
    assert record.users.get("ada") == User("ada", Role.AUDITOR, "$argon2id$x")
    AccountDesk(record).change_role("ada", Role.APPROVER, "root")
    kept = record.objects.get_document(object_names.user("ada"))
    assert kept.items() >= {**old, "role": "approver", "enabled": True}.items()


def test_what_a_later_lethe_added_to_an_account_stays(record: Record, desk: AccountDesk):
    document = record.objects.get_document(object_names.user("ada"))
    record.objects.put_document(object_names.user("ada"), {**document, "passkeys": ["one"]})
    desk.disable("ada", "root")
    assert record.objects.get_document(object_names.user("ada"))["passkeys"] == ["one"]


def test_two_changes_of_one_account_at_once_are_both_kept(record: Record, desk: AccountDesk):
    for _ in range(5):
        desk.change_role("ada", Role.REQUESTER, "root")
        desk.enable("ada", "root")
        together(
            lambda: desk.change_role("ada", Role.AUDITOR, "root"),
            lambda: desk.disable("ada", "second"),
        )
        found = record.users.find("ada")
        assert (found.role, found.enabled) == (Role.AUDITOR, False)


def test_two_admins_who_disable_each_other_at_once_leave_one(record: Record, desk: AccountDesk):
    for _ in range(5):
        errors = together(
            lambda: desk.disable("root", "second"), lambda: desk.disable("second", "root")
        )
        assert [type(error) for error in errors] == [LastAdmin]
        left = [name for name in ("root", "second") if record.users.find(name).runs_the_house]
        assert len(left) == 1
        for name in ("root", "second"):
            desk.enable(name, "root")


def test_an_act_that_the_audit_log_cannot_take_is_not_done(
    record: Record, desk: AccountDesk, monkeypatch: pytest.MonkeyPatch
):
    put_new = ObjectStore.put_new

    def refused(store: ObjectStore, name: str, document: dict[str, object]) -> str:
        if name.startswith(object_names.AUDIT):
            raise StoreUnavailable(f"{name}: the disk is full")
        return put_new(store, name, document)

    monkeypatch.setattr(ObjectStore, "put_new", refused)
    for act in (
        lambda: desk.change_role("ada", Role.ADMIN, "root"),
        lambda: desk.disable("ada", "root"),
        lambda: desk.set_password("ada", PASSWORD, "root"),
        lambda: desk.add("eve", Role.ADMIN, None, "root"),
        lambda: desk.link("ada", "root"),
    ):
        with pytest.raises(StoreUnavailable):
            act()
    assert record.users.find("ada") == User("ada", Role.REQUESTER, "")
    assert record.users.get("eve") is None
    assert record.redis.keys("lethe:sign-in:*") == []


def test_nobody_changes_an_account_that_is_not_there(desk: AccountDesk):
    for act in (desk.disable, desk.enable, desk.link, desk.reset_second_factor, desk.end_sessions):
        with pytest.raises(NoSuchUser, match="'nobody': there is none"):
            act("nobody", "root")


def test_an_act_that_changes_nothing_is_not_told(record: Record, desk: AccountDesk):
    desk.change_role("ada", Role.REQUESTER, "root")
    desk.enable("ada", "root")
    assert record.audit.page(Filter(), None, 10) == []


def test_who_comes_by_a_provider_gets_no_password_here(record: Record, desk: AccountDesk):
    record.users.add("eve", Role.AUDITOR, None, external="a" * 64)
    with pytest.raises(BadUser, match="signs in by the OpenID provider"):
        desk.link("eve", "root")
    with pytest.raises(BadPassword, match="change it there"):
        desk.change_password("eve", "", PASSWORD)


def test_a_link_of_a_disabled_account_is_not_made(desk: AccountDesk):
    desk.disable("ada", "root")
    with pytest.raises(BadUser, match="enable the account first"):
        desk.link("ada", "root")


def test_a_second_factor_copied_into_another_account_opens_nothing(
    record: Record, desk: AccountDesk
):
    offer = record.second_factors.offer("ada")
    code = pyotp.TOTP(offer.secret).now()
    desk.enable_second_factor("ada", offer, code)
    copied = record.users.find("ada").totp
    assert copied is not None
    record.users.change("root", lambda user: replace(user, totp=replace(copied, step=0)))
    with pytest.raises(BadSecondFactor, match="LETHE_SECRET_KEY"):
        record.second_factors.check("root", code)


@pytest.mark.parametrize(
    "totp",
    [5, [], {}, {"secret": 5, "step": 1, "recovery": []},
     {"secret": "x", "step": "1", "recovery": []}, {"secret": "x", "step": 1, "recovery": ["x"]}],
)  # fmt: skip
def test_a_second_factor_that_is_none_lets_nobody_in(record: Record, totp: object):
    document = {"name": "ada", "role": "admin", "password_hash": "x", "totp": totp}
    record.objects.put_document(object_names.user("ada"), document)
    with pytest.raises(Corrupt, match=r"^users/ada\.json: not an account"):
        record.users.get("ada")
