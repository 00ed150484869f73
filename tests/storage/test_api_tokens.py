"""API tokens: what is kept of them, what opens with them, and when they end."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from storage import keys, names, object_names
from storage.accounts.api_tokens import MOST, SCOPES, ApiToken, BadToken, Scope
from storage.accounts.users import Role
from storage.audit.log import Act, Entry
from storage.canonical import Corrupt
from storage.names import BadName
from storage.record import Record

Issue = Callable[..., tuple[ApiToken, str]]


@pytest.fixture
def issue(record: Record) -> Issue:
    """Issues a token to ada, who is an approver."""
    record.users.add("ada", Role.APPROVER, None)

    def issued(**changed: Any) -> tuple[ApiToken, str]:
        asked = {"name": "nightly export", "scopes": {Scope.READ}, "days": 30, "actor": "ada"}
        return record.api_tokens.issue("ada", **asked | changed)

    return issued


def test_a_token_is_found_by_its_secret_with_all_that_was_asked_for(record: Record, issue: Issue):
    token, secret = issue(scopes={Scope.READ, Scope.DECIDE}, days=90)
    found = record.api_tokens.find(secret)
    assert found == token
    assert (found.user, found.name, found.issued_by) == ("ada", "nightly export", "ada")
    assert found.scopes == {Scope.READ, Scope.DECIDE}
    life = datetime.fromisoformat(found.expires_at) - datetime.now(UTC)
    assert timedelta(days=90, minutes=-1) < life <= timedelta(days=90)


def test_a_secret_holds_256_random_bits_and_names_its_token(issue: Issue):
    token, secret = issue()
    prefix, id_, random = secret.split("_")
    assert (prefix, id_, len(bytes.fromhex(random))) == ("lethe", token.id, 32)
    assert issue()[1].split("_")[2] != random


def test_neither_the_store_nor_redis_nor_the_token_itself_holds_the_secret(
    record: Record, issue: Issue
):
    token, secret = issue()
    record.api_tokens.find(secret)
    random = secret.split("_")[2]
    for name in record.objects.names("api-tokens/"):
        assert random not in name
        assert random.encode() not in record.objects.get(name)
    for key in record.redis.keys("*api-token*"):
        assert random not in f"{key} {record.redis.get(key)}"
    assert random not in repr(token)


def test_every_other_secret_of_the_same_id_opens_nothing(record: Record, issue: Issue):
    _, secret = issue()
    head, _, random = secret.rpartition("_")
    flipped = ("0" if random[0] != "0" else "1") + random[1:]
    for wrong in (flipped, secrets.token_hex(32), "0" * 64):
        assert record.api_tokens.find(f"{head}_{wrong}") is None


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "lethe_",
        "lethe_../../users/ad_" + "0" * 64,
        "lethe_*___________*_" + "0" * 64,
        "lethe_000000000000_" + "0" * 64 + "\n",
        "lethe_00000000000\N{ARABIC-INDIC DIGIT ZERO}_" + "0" * 64,
        "LETHE_000000000000_" + "0" * 64,
        "lethe_000000000000_" + "0" * 10_000_000,
        "\0" * 83,
        "\ud800" * 83,
    ],
)
def test_what_is_no_token_never_comes_near_the_store(
    record: Record, monkeypatch: pytest.MonkeyPatch, hostile: str
):
    monkeypatch.setattr(record.objects, "get", lambda name: pytest.fail(f"read {name}"))
    assert record.api_tokens.find(hostile) is None


def test_a_token_that_nobody_was_given_is_unknown(record: Record):
    assert record.api_tokens.find(f"lethe_{names.new_api_token_id()}_{'0' * 64}") is None


def test_an_expired_token_opens_nothing_and_stays_in_its_owners_list(record: Record, issue: Issue):
    token, secret = issue()
    _rewrite(record, token, expires_at="2026-01-01T00:00:00+00:00")
    assert record.api_tokens.find(secret) is None
    (listed,) = record.api_tokens.of("ada")
    assert (listed.id, listed.expired) == (token.id, True)


def test_a_revoked_token_opens_nothing_from_then_on_and_leaves_no_trace_but_in_the_log(
    record: Record, issue: Issue
):
    token, secret = issue()
    other, other_secret = issue(name="dashboard")
    assert record.api_tokens.find(secret)
    assert record.api_tokens.revoke("ada", token.id, "root").id == token.id
    assert record.api_tokens.find(secret) is None
    assert record.api_tokens.find(other_secret) == other
    assert [listed.id for listed in record.api_tokens.of("ada")] == [other.id]
    assert not [name for name in record.objects.names("api-tokens/") if token.id in name]
    with pytest.raises(BadToken, match="it may be revoked"):
        record.api_tokens.revoke("ada", token.id, "root")


def test_a_token_is_revoked_under_its_owners_name_alone(record: Record, issue: Issue):
    token, secret = issue()
    record.users.add("bob", Role.APPROVER, None)
    with pytest.raises(BadToken, match="user bob has none of this id"):
        record.api_tokens.revoke("bob", token.id, "bob")
    assert record.api_tokens.find(secret) == token


@pytest.mark.parametrize("id_", ["", "..", "../by-id/x", "A" * 12, "0" * 13, "0" * 11 + "\n"])
def test_an_id_that_is_none_is_refused_before_a_key_is_built(
    record: Record, issue: Issue, id_: str
):
    issue()
    with pytest.raises(BadName, match="API token"):
        record.api_tokens.revoke("ada", id_, "root")


def test_the_token_of_an_account_that_is_gone_opens_nothing(record: Record, issue: Issue):
    _, secret = issue()
    record.objects.remove_all(object_names.user("ada"))
    assert record.api_tokens.find(secret) is None


def test_the_token_of_a_disabled_user_opens_nothing_until_the_account_is_enabled_again(
    record: Record, issue: Issue
):
    token, secret = issue()
    record.users.change("ada", lambda user: replace(user, enabled=False))
    assert record.api_tokens.find(secret) is None
    assert record.api_tokens.of("ada") == [token]
    with pytest.raises(BadToken, match="or it is disabled"):
        issue()
    record.users.change("ada", lambda user: replace(user, enabled=True))
    assert record.api_tokens.find(secret) == token


def test_a_bearer_is_the_owner_with_the_role_of_this_moment(record: Record, issue: Issue):
    _, secret = issue()
    document = record.objects.get_document(object_names.user("ada"))
    record.objects.put_document(object_names.user("ada"), document | {"role": "auditor"})
    bearer = record.api_tokens.bearer(secret)
    assert bearer is not None
    assert bearer[1].role is Role.AUDITOR


def test_the_day_of_the_last_use_is_kept_in_redis_alone(record: Record, issue: Issue):
    token, secret = issue()
    assert record.api_tokens.of("ada")[0].used_on is None
    record.api_tokens.find(secret)
    assert record.api_tokens.of("ada")[0].used_on == datetime.now(UTC).date()
    kept = record.redis.get(keys.api_token_used(token.id))
    assert date.fromisoformat(str(kept))  # a day, not a moment
    record.redis.flushall()
    assert record.api_tokens.find(secret) == token


def test_issuing_and_revoking_stand_in_the_audit_log_without_the_secret(
    record: Record, issue: Issue
):
    token, secret = issue(scopes={Scope.SUBMIT, Scope.READ}, days=7)
    record.api_tokens.revoke("ada", token.id, "root")
    issued, revoked = (entry for entry in record.audit.walk() if isinstance(entry, Entry))
    assert (issued.actor, issued.act, issued.about) == ("ada", Act.TOKEN_ISSUED, "ada")
    assert issued.facts == {"token": token.id, "scopes": "read, tickets:submit", "days": 7}
    assert (revoked.actor, revoked.act, revoked.about) == ("root", Act.TOKEN_REVOKED, "ada")
    assert secret.split("_")[2] not in f"{issued}{revoked}"


def test_lists_show_the_newest_first_and_nobody_elses(record: Record, issue: Issue):
    old, new = issue()[0], issue(name="dashboard")[0]
    _rewrite(record, old, issued_at="2026-01-01T00:00:00+00:00")
    record.users.add("ada.b", Role.ADMIN, None)
    record.api_tokens.issue("ada.b", "theirs", {Scope.USERS}, 1, "ada.b")
    assert [token.id for token in record.api_tokens.of("ada")] == [new.id, old.id]
    assert [token.name for token in record.api_tokens.of("ada.b")] == ["theirs"]
    assert record.api_tokens.of("nobody") == []


def test_what_cannot_be_issued_is_refused_in_one_line_and_nothing_is_kept(
    record: Record, issue: Issue
):
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"name": ""}, "token name"),
        ({"name": " x"}, "token name"),
        ({"name": "<script>"}, "token name"),
        ({"name": "x" * 65}, "token name"),
        ({"name": "a\nb"}, "token name"),
        ({"scopes": set()}, "choose at least one scope: read, tickets:submit"),
        ({"scopes": {Scope.READ, Scope.USERS}}, "role approver has no use for users:write"),
        ({"days": 0}, "0 days; a token lives for 1 to 366"),
        ({"days": 367}, "367 days"),
    )
    for changed, line in wrong:
        with pytest.raises(BadToken, match=line) as refused:
            issue(**changed)
        assert len(str(refused.value).splitlines()) == 1
    assert list(record.objects.names("api-tokens/")) == []


def test_a_token_is_for_an_account_that_exists(record: Record):
    with pytest.raises(BadToken, match="user nobody: there is no such account"):
        record.api_tokens.issue("nobody", "x", {Scope.READ}, 1, "root")
    with pytest.raises(BadName, match="user name"):
        record.api_tokens.issue("../nobody", "x", {Scope.READ}, 1, "root")


def test_a_user_has_so_many_tokens_and_no_more(record: Record, issue: Issue):
    for _ in range(MOST):
        id_ = names.new_api_token_id()
        record.objects.put_document(object_names.api_token_of("ada", id_), {"id": id_})
    with pytest.raises(BadToken, match=f"has {MOST} API tokens already"):
        issue()


def test_every_role_may_read_and_an_admin_has_a_use_for_every_scope():
    assert set(SCOPES) == set(Role)
    assert all(Scope.READ in scopes for scopes in SCOPES.values())
    assert SCOPES[Role.ADMIN] == set(Scope)


def test_a_damaged_token_is_corrupt_and_opens_nothing(record: Record, issue: Issue):
    token, secret = issue()
    whole = record.objects.get_document(object_names.api_token(token.id))
    for damage in (
        {"id": "000000000000"},
        {"user": "../ada"},
        {"scopes": ["everything"]},
        {"scopes": None},
        {"expires_at": "never"},
        {"expires_at": "2099-01-01T00:00:00"},
        {"sha256": ""},
        {"more": 1},
    ):
        _rewrite(record, token, **whole | damage)
        with pytest.raises(Corrupt, match="not an API token"):
            record.api_tokens.find(secret)
        record.objects.put_document(object_names.api_token(token.id), whole)
    assert record.api_tokens.find(secret) == token


def _rewrite(record: Record, token: ApiToken, **changed: Any) -> None:
    name = object_names.api_token(token.id)
    record.objects.put_document(name, record.objects.get_document(name) | changed)
