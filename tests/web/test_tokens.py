"""The pages of API tokens: issued to oneself, shown once, revoked; other people's by admins."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from storage.accounts.api_tokens import Scope
from storage.accounts.users import Role
from storage.record import Record
from tests.web.conftest import PASSWORD, Visitor

Visit = Callable[..., Visitor]
PAGE = "/account/tokens"
_SECRET = re.compile(r"lethe_[0-9a-z]{12}_[0-9a-f]{64}")


def issue(visitor: Visitor, **fields: Any) -> Any:
    form = {"name": "nightly export", "scope": ["read"], "days": "30", **fields}
    return visitor.post(PAGE, form, form=PAGE)


def test_a_token_is_issued_on_the_page_and_its_secret_shown_in_that_answer_alone(
    record: Record, visit: Visit
) -> None:
    visitor = visit(Role.APPROVER)
    assert "You have no API tokens." in visitor.get(PAGE).text
    answer = issue(visitor, scope=["read", "tickets:decide"])
    assert answer.status_code == 200
    (secret,) = set(_SECRET.findall(answer.text))
    assert "$LETHE_TOKEN" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    token = record.api_tokens.find(secret)
    assert token is not None
    assert (token.user, token.scopes) == ("approver", {Scope.READ, Scope.DECIDE})
    listed = visitor.get(PAGE).text
    assert "nightly export" in listed
    assert token.id in listed
    assert secret not in listed
    with visitor.client.session_transaction() as session:
        assert secret not in str(dict(session))


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        (Role.REQUESTER, ["read", "tickets:submit"]),
        (Role.AUDITOR, ["read", "audit"]),
        (Role.ADMIN, [str(scope) for scope in Scope]),
    ],
)
def test_the_form_offers_what_the_role_has_a_use_for(
    visit: Visit, role: Role, offered: list[str]
) -> None:
    page = visit(role).get(PAGE).text
    assert re.findall(r'name="scope" value="([^"]+)"', page) == offered


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"name": ""}, "Token name"),
    ({"name": "<script>alert(1)</script>"}, "Token name"),
    ({"scope": []}, "choose at least one scope"),
    ({"scope": ["users:write"]}, "has no use for users:write"),
    ({"scope": ["everything"]}, "choose at least one scope"),
    ({"days": "367"}, "367 days; a token lives for 1 to 366"),
    ({"days": "²"}, "give a number from 1 to 366"),
    ({"days": "-1"}, "give a number from 1 to 366"),
    ({"days": "9" * 5000}, "give a number from 1 to 366"),
)


def test_a_form_that_cannot_be_is_shown_again_with_what_was_entered(
    record: Record, visit: Visit
) -> None:
    visitor = visit(Role.APPROVER)
    for fields, line in WRONG:
        answer = issue(visitor, **fields)
        assert answer.status_code == 422
        assert line in answer.text
        assert "<script>alert" not in answer.text
        if "name" not in fields:
            assert 'value="nightly export"' in answer.text
    assert record.api_tokens.of("approver") == []


def test_a_token_revoked_on_the_page_opens_nothing_any_more(record: Record, visit: Visit) -> None:
    visitor = visit(Role.REQUESTER)
    (secret,) = set(_SECRET.findall(issue(visitor).text))
    token = record.api_tokens.find(secret)
    assert token is not None
    answer = visitor.post(f"{PAGE}/{token.id}/revoke", form=PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    assert record.api_tokens.find(secret) is None
    assert "nightly export is revoked" in visitor.get(PAGE).text
    assert visitor.post(f"{PAGE}/{token.id}/revoke", form=PAGE).status_code == 404


def test_nobody_but_an_admin_sees_or_revokes_another_users_token(
    record: Record, visit: Visit
) -> None:
    owner, other, admin = visit(Role.APPROVER), visit(Role.AUDITOR), visit(Role.ADMIN)
    (secret,) = set(_SECRET.findall(issue(owner).text))
    token = record.api_tokens.find(secret)
    assert token is not None
    theirs = "/users/approver/tokens"
    assert token.id not in other.get(PAGE).text
    assert other.get(theirs).status_code == 403
    assert other.post(f"{theirs}/{token.id}/revoke", form=PAGE).status_code == 403
    assert other.post(f"{PAGE}/{token.id}/revoke", form=PAGE).status_code == 404
    assert admin.post(f"{PAGE}/{token.id}/revoke", form=PAGE).status_code == 404
    assert record.api_tokens.find(secret) is not None
    page = admin.get(theirs).text
    assert "nightly export" in page
    assert "Issue a token" not in page  # nobody acts in another's name
    assert admin.post(f"{theirs}/{token.id}/revoke", form=theirs).status_code == 303
    assert record.api_tokens.find(secret) is None


def test_an_id_of_a_token_that_is_none_is_not_found(visit: Visit) -> None:
    visitor = visit(Role.ADMIN)
    for path in (f"{PAGE}/..%2f..%2fusers/revoke", f"{PAGE}/{'0' * 12}/revoke",
                 "/users/nobody/tokens/x/revoke"):  # fmt: skip
        assert visitor.post(path, form=PAGE).status_code == 404
    assert visitor.get("/users/nobody/tokens").status_code == 404


def test_an_admin_who_looks_at_a_user_without_tokens_is_told_how_there_come_to_be_any(
    record: Record, visit: Visit
) -> None:
    record.users.add("ada", Role.REQUESTER, PASSWORD)
    assert "People issue their own" in visit(Role.ADMIN).get("/users/ada/tokens").text
