"""Sign-in by an OpenID provider: whom it lets in, as what, and whom it does not."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey

from storage.accounts.users import Role
from storage.audit.log import Act, Entry
from storage.settings import Settings
from tests.web.conftest import PASSWORD, Visitor
from tests.web.oidc.conftest import ADA, PUBLIC, Desk
from tests.web.oidc.provider import Claims
from web.accounts.oidc import role_of


def test_whoever_the_provider_knows_gets_an_account_and_a_session(desk: Desk) -> None:
    visitor = desk.visitor()
    assert "Sign in with Acme ID" in visitor.get("/sign-in").text
    answer = desk.sign_in(visitor)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "ada" in visitor.get("/").text
    made = desk.record.users.find("ada")
    assert (made.role, made.password_hash, made.totp) == (Role.APPROVER, "", None)
    assert made.external
    assert desk.record.users.authenticate("ada", "") is None


def test_the_provider_is_asked_with_pkce_state_and_nonce_for_our_public_address(desk: Desk) -> None:
    visitor = desk.visitor()
    visitor.client.environ_base["HTTP_X_FORWARDED_HOST"] = "evil.example"
    desk.back(visitor)
    desk.back(visitor)
    first, second = desk.provider.asked
    assert first["redirect_uri"] == f"{PUBLIC}/sign-in/oidc/callback"
    assert (first["scope"], first["code_challenge_method"]) == ("openid profile", "S256")
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 20
        assert first[name] != second[name]


def test_another_host_gets_no_redirect_at_all(desk: Desk) -> None:
    answer = desk.visitor().get("/sign-in/oidc", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert desk.provider.asked == []


@pytest.mark.parametrize(
    ("wanted", "leads"), [("/models?a=b", "/models?a=b"), ("//evil.example", "/"), ("", "/")]
)
def test_sign_in_leads_to_the_page_that_was_asked_for_and_never_elsewhere(
    desk: Desk, wanted: str, leads: str
) -> None:
    visitor = desk.visitor()
    desk.provider.person = ADA
    assert visitor.get(desk.back(visitor, wanted)).headers["Location"] == leads


def test_the_role_is_asked_for_anew_at_each_sign_in(desk: Desk) -> None:
    desk.sign_in()
    desk.sign_in(roles=["lethe-admins"])
    assert desk.record.users.find("ada").role is Role.ADMIN
    entries = [entry for entry in desk.record.audit.walk() if isinstance(entry, Entry)]
    acts = [(entry.act, entry.about) for entry in entries]
    assert (Act.USER_ADDED, "ada") in acts
    assert (Act.ROLE_CHANGED, "ada") in acts
    visitor = desk.visitor()
    desk.refuses(visitor, desk.sign_in(visitor, roles=["staff"]))


def test_a_local_account_of_the_same_name_is_never_taken_over(desk: Desk) -> None:
    desk.record.users.add("ada", Role.ADMIN, PASSWORD)
    visitor = desk.visitor()
    page = desk.refuses(visitor, desk.sign_in(visitor))
    assert "there is a local account of this name already" in page
    assert desk.record.users.authenticate("ada", PASSWORD) is not None
    assert not desk.record.users.find("ada").external


def test_a_name_that_the_provider_gives_to_somebody_else_is_refused(desk: Desk) -> None:
    desk.sign_in()
    visitor = desk.visitor()
    page = desk.refuses(visitor, desk.sign_in(visitor, sub="a-2", preferred_username="ADA"))
    assert "belonged to somebody else" in page


def test_a_disabled_account_stays_shut(desk: Desk) -> None:
    desk.sign_in()
    desk.record.users.change("ada", lambda user: replace(user, enabled=False))
    visitor = desk.visitor()
    assert "the account is disabled" in desk.refuses(visitor, desk.sign_in(visitor))


NOBODY: tuple[tuple[Claims, str], ...] = (
    ({"roles": []}, "gives you no role in Lethe"),
    ({"roles": {"lethe-admins": True}}, "gives you no role in Lethe"),
    ({"roles": None}, "gives you no role in Lethe"),
    ({"preferred_username": None}, "does not say what you are called"),
    ({"preferred_username": ["ada"]}, "does not say what you are called"),
    ({"preferred_username": "../ada"}, "User name"),
    ({"preferred_username": "ada@corp.example"}, "User name"),
    ({"preferred_username": "<script>alert(1)</script>"}, "User name"),
    ({"preferred_username": "x" * 65}, "User name"),
)


def test_who_maps_to_nobody_is_told_why(desk: Desk) -> None:
    for person, line in NOBODY:
        visitor = desk.visitor()
        page = desk.refuses(visitor, desk.sign_in(visitor, **person))
        assert line in page, person
        assert "<script>alert" not in page
    assert not desk.record.users.any()


def test_a_state_that_is_not_this_browsers_signs_nobody_in(desk: Desk) -> None:
    mine, theirs = desk.visitor(), desk.visitor()
    desk.provider.person = ADA
    code = parse_qs(urlsplit(desk.back(theirs)).query)["code"][0]
    desk.back(mine)
    callback = desk.back(theirs)
    for wrong in (
        callback,  # what an attacker would have somebody else's browser open
        f"/sign-in/oidc/callback?code={code}&state=x",
        f"/sign-in/oidc/callback?code={code}",
        "/sign-in/oidc/callback",
    ):
        desk.refuses(mine, mine.get(wrong))
    assert "/token" not in desk.provider.requests


def test_an_answer_of_the_provider_is_good_once(desk: Desk) -> None:
    visitor = desk.visitor()
    desk.provider.person = ADA
    callback = desk.back(visitor)
    cookies = visitor.client.get_cookie("lethe")
    assert cookies is not None
    assert visitor.get(callback).status_code == 303
    thief = desk.visitor()  # with the address and the cookie of before
    thief.client.set_cookie("lethe", cookies.value)
    desk.refuses(thief, thief.get(callback))


def test_who_stopped_on_the_way_is_told_so_in_our_words(desk: Desk) -> None:
    visitor = desk.visitor()
    desk.back(visitor)
    query = "error=access_denied&error_description=<script>alert(1)</script>&state=x"
    page = desk.refuses(visitor, visitor.get(f"/sign-in/oidc/callback?{query}"))
    assert "Acme ID did not sign you in" in page
    assert "<script>alert(1)" not in page


def test_a_key_that_the_provider_changed_is_asked_for_anew(
    desk: Desk, keys: tuple[RSAKey, RSAKey]
) -> None:
    assert desk.sign_in().status_code == 303
    desk.provider.key = keys[1]
    assert desk.sign_in().status_code == 303
    assert desk.provider.requests.count("/jwks") == 2


def test_who_is_signed_in_already_is_not_sent_to_the_provider(desk: Desk) -> None:
    visitor = desk.visitor()
    desk.sign_in(visitor)
    assert visitor.get("/sign-in/oidc?next=/models").headers["Location"] == "/models"


def test_without_a_provider_there_is_no_such_page_and_no_such_button(stranger: Visitor) -> None:
    assert stranger.get("/sign-in/oidc").status_code == 404
    assert stranger.get("/sign-in/oidc/callback").status_code == 404
    assert "Sign in with" not in stranger.get("/sign-in").text


@pytest.mark.parametrize(
    ("path", "claims", "role"),
    [
        ("roles", {"roles": "lethe-admins"}, Role.ADMIN),
        ("roles", {"roles": ["lethe-approvers", "lethe-admins"]}, Role.ADMIN),  # the first listed
        ("realm_access.roles", {"realm_access": {"roles": ["lethe-approvers"]}}, Role.APPROVER),
        (
            "https://acme.example/roles",
            {"https://acme.example/roles": ["lethe-admins"]},
            Role.ADMIN,
        ),
        ("realm_access.roles", {"realm_access": ["lethe-admins"]}, None),
        ("roles", {"groups": ["lethe-admins"]}, None),
        ("roles", {"roles": [["lethe-admins"], 1, None]}, None),
        ("roles", {"roles": "lethe-admins lethe-approvers"}, None),
    ],
)
def test_the_first_listed_role_that_the_claims_hold_counts(
    configured: Settings, path: str, claims: Claims, role: Role | None
) -> None:
    assert role_of(claims, configured.model_copy(update={"oidc_role_claim": path})) is role
