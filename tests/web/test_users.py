"""What an admin does with accounts, in the pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from storage.accounts.users import Role
from storage.audit.log import Filter
from storage.record import Record
from storage.settings import Settings
from tests.web.conftest import PASSWORD, Visitor
from web.app import create_app

_LINK = re.compile(r'value="(/sign-in/link/[^"]+)"')
NEW = "seven unrelated llamas"

Visit = Callable[..., Visitor]


@pytest.fixture
def admin(visit: Visit) -> Visitor:
    return visit(Role.ADMIN, "root")


def acts(record: Record) -> list[str]:
    """The newest first."""
    return [getattr(entry, "act", "broken") for entry in record.audit.page(Filter(), None, 50)]


def test_a_user_is_added_without_a_password_and_chooses_one_by_the_link(
    app: Flask, record: Record, admin: Visitor
) -> None:
    page = admin.post("/users", {"name": "Ada", "role": "approver"}, form="/users")
    found = _LINK.search(page.text)
    assert found is not None
    added = record.users.find("ada")
    assert (added.role, added.password_hash) == (Role.APPROVER, "")
    assert record.users.authenticate("ada", "") is None
    ada = Visitor(app.test_client())
    answer = ada.post(found[1], {"password": NEW, "again": NEW}, form=found[1])
    assert answer.status_code == 303
    assert ada.get("/tickets").status_code == 200
    assert record.users.authenticate("ada", NEW) is not None
    assert acts(record)[:4] == ["signed_in", "password_changed", "link_made", "user_added"]


@pytest.mark.parametrize(
    ("password", "again", "line"),
    [(NEW, NEW + "s", "are not the same"), ("short", "short", "use 12 to 256"),
     ("password1234", "password1234", "among the first that are guessed"),
     ("ab" * 6, "ab" * 6, "among the first that are guessed"),
     ("grace-hopper1", "grace-hopper1", "little but the user")],
)  # fmt: skip
def test_a_password_that_cannot_be_leaves_the_link_as_good_as_it_was(
    app: Flask, record: Record, admin: Visitor, password: str, again: str, line: str
) -> None:
    admin.post("/users", {"name": "grace-hopper", "role": "auditor"}, form="/users")
    page = admin.post("/users/grace-hopper/link", form="/users")
    link = _LINK.search(page.text)
    assert link is not None
    grace = Visitor(app.test_client())
    answer = grace.post(link[1], {"password": password, "again": again}, form=link[1])
    assert (answer.status_code, line in answer.text) == (422, True)
    assert record.users.find("grace-hopper").password_hash == ""
    assert grace.post(link[1], {"password": NEW, "again": NEW}, form=link[1]).status_code == 303


def test_a_link_for_a_forgotten_password_ends_the_sessions_before_it(
    app: Flask, admin: Visitor, visit: Visit
) -> None:
    before = visit(Role.AUDITOR, "ada")
    link = _LINK.search(admin.post("/users/ada/link", form="/users").text)
    assert link is not None
    now = Visitor(app.test_client())
    now.post(link[1], {"password": NEW, "again": NEW}, form=link[1])
    assert before.get("/tickets").status_code == 302
    assert now.get("/tickets").status_code == 200


def test_a_link_is_made_of_the_public_address_and_never_of_the_host_header(
    record: Record, settings: Settings
) -> None:
    record.users.add("root", Role.ADMIN, PASSWORD)
    for public, start in ((None, ""), ("https://lethe.example.org", "https://lethe.example.org")):
        app = create_app(settings.model_copy(update={"public_url": public}))
        root = Visitor(app.test_client())
        root.post("/sign-in", {"name": "root", "password": PASSWORD}, form="/sign-in")
        page = root.post("/users/root/link", form="/users")
        assert f'value="{start}/sign-in/link/' in page.text
        assert "localhost" not in page.text


def test_the_page_of_a_link_is_in_no_cache_and_its_token_nowhere_in_redis(
    record: Record, admin: Visitor
) -> None:
    page = admin.post("/users", {"name": "ada", "role": "auditor"}, form="/users")
    link = _LINK.search(page.text)
    assert link is not None
    assert page.headers["Cache-Control"] == "no-store"
    token = link[1].rpartition("/")[2]
    assert not any(token in str(key) for key in record.redis.scan_iter())


def test_a_new_role_holds_with_the_next_click(record: Record, admin: Visitor, visit: Visit) -> None:
    ada = visit(Role.REQUESTER, "ada")
    assert ada.get("/audit").status_code == 403
    answer = admin.post("/users/ada/role", {"role": "auditor"}, form="/users")
    assert answer.headers["Location"] == "/users/ada"
    assert ada.get("/audit").status_code == 200
    assert ada.get("/tickets/new").status_code == 403
    assert acts(record)[0] == "role_changed"


def test_disabling_ends_the_sessions_and_refuses_password_and_links(
    app: Flask, record: Record, admin: Visitor, visit: Visit
) -> None:
    ada = visit(Role.APPROVER, "ada")
    link = f"/sign-in/link/{record.sign_in_links.make('ada')}"
    admin.post("/users/ada/disable", form="/users")
    assert ada.get("/tickets").status_code == 302
    assert record.sessions.of("ada") == []
    again = Visitor(app.test_client())
    sent = {"name": "ada", "password": PASSWORD}
    assert again.post("/sign-in", sent, form="/sign-in").status_code == 401
    assert again.post(link, form="/sign-in").status_code == 404
    admin.post("/users/ada/enable", form="/users")
    assert again.post("/sign-in", sent, form="/sign-in").status_code == 303
    assert {"user_disabled", "user_enabled"} < set(acts(record))


def test_an_account_disabled_by_another_way_is_signed_out_all_the_same(
    record: Record, visit: Visit
) -> None:
    ada = visit(Role.APPROVER, "ada")
    record.users.change("ada", lambda user: replace(user, enabled=False))
    assert ada.get("/tickets").status_code == 302


@pytest.mark.parametrize("path", ["/users/root/disable", "/users/root/role"])
def test_the_last_admin_stays(record: Record, admin: Visitor, path: str) -> None:
    answer = admin.post(path, {"role": "auditor"}, form="/users")
    assert answer.status_code == 422
    assert "is the last admin who can sign in" in answer.text
    assert record.users.find("root").runs_the_house
    assert "user_disabled" not in acts(record)
    assert "role_changed" not in acts(record)


def test_an_admin_leaves_when_another_one_stays(record: Record, admin: Visitor) -> None:
    record.users.add("second", Role.ADMIN, PASSWORD)
    answer = admin.post("/users/root/role", {"role": "auditor"}, form="/users")
    assert answer.headers["Location"] == "/"
    assert admin.get("/users").status_code == 403


def test_ending_all_sessions_of_a_user_leaves_the_account_as_it_is(
    record: Record, admin: Visitor, visit: Visit
) -> None:
    first, second = visit(Role.AUDITOR, "ada"), visit(Role.AUDITOR, "ada")
    page = admin.post("/users/ada/sessions/end", form="/users")
    assert page.status_code == 303
    assert "2 sessions have ended." in admin.get("/users/ada").text
    assert first.get("/").status_code == second.get("/").status_code == 302
    assert record.users.authenticate("ada", PASSWORD) is not None


def test_a_name_that_is_taken_or_none_is_said_beside_the_form(admin: Visitor) -> None:
    taken = admin.post("/users", {"name": "root", "role": "admin"}, form="/users")
    assert (taken.status_code, "root: exists already" in taken.text) == (422, True)
    bad = admin.post("/users", {"name": "<b>x", "role": "admin"}, form="/users")
    assert (bad.status_code, "<b>x" in bad.text) == (422, False)


def test_a_user_who_is_not_there_is_not_found(admin: Visitor) -> None:
    assert admin.get("/users/nobody").status_code == 404
    for path in ("disable", "enable", "link", "second-factor/reset", "sessions/end"):
        assert admin.post(f"/users/nobody/{path}", form="/users").status_code == 404, path


def test_the_list_says_of_each_what_is_known(record: Record, admin: Visitor) -> None:
    record.users.add("ada", Role.AUDITOR, None)
    page = admin.get("/users").text
    assert "2 accounts" in page
    assert "No password yet" in page
    assert page.count("<time ") == 1  # root has signed in, ada never
