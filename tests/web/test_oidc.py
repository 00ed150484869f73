"""Sign-in by an OpenID provider: a real one on loopback, which also lies, fails and stalls."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask, Response
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from joserfc.jws import JWSRegistry
from werkzeug.test import TestResponse

from storage.audit_log import Act, Entry
from storage.record import Record
from storage.settings import Settings
from storage.users import Role
from tests.web.conftest import PASSWORD, Visitor
from tests.web.openid_provider import CLIENT, SECRET, Claims, OpenIdProvider, new_key, serving
from web import oidc_provider
from web.app import create_app
from web.oidc import role_of

PUBLIC = "https://lethe.example.org"
ROLES = {"lethe-admins": "admin", "lethe-approvers": "approver"}
ADA = {"sub": "a-1", "preferred_username": "ada", "roles": ["staff", "lethe-approvers"]}


@dataclass
class Desk:
    """A desk whose people sign in at the provider."""

    app: Flask
    record: Record
    provider: OpenIdProvider

    def visitor(self) -> Visitor:
        return Visitor(self.app.test_client())

    def sign_in(self, visitor: Visitor | None = None, **person: Any) -> TestResponse:
        self.provider.person = ADA | person
        visitor = visitor or self.visitor()
        return visitor.get(self.back(visitor))

    def back(self, visitor: Visitor, wanted: str = "") -> str:
        """Where the provider sends the visitor back to."""
        begun = visitor.get("/sign-in/oidc", query_string={"next": wanted})
        assert begun.status_code == 302, begun.text
        sent = requests.get(begun.headers["Location"], allow_redirects=False, timeout=5)
        assert sent.headers["Location"].startswith(f"{PUBLIC}/sign-in/oidc/callback?")
        return sent.headers["Location"].removeprefix(PUBLIC)

    def refuses(self, visitor: Visitor, answer: TestResponse) -> str:
        """What the page says; nobody is signed in."""
        assert answer.status_code == 403
        assert "Not signed in" in answer.text
        assert visitor.get("/tickets").status_code == 302
        return answer.text


@pytest.fixture(scope="module")
def keys() -> tuple[RSAKey, RSAKey]:
    return new_key(), new_key()


@pytest.fixture
def provider(keys: tuple[RSAKey, RSAKey]) -> Iterator[OpenIdProvider]:
    provider = OpenIdProvider(keys[0])
    with serving(provider):
        yield provider


@pytest.fixture
def configured(settings: Settings, provider: OpenIdProvider) -> Settings:
    return Settings(
        **settings.model_dump()
        | {
            "public_url": PUBLIC,
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
            "oidc_name": "Acme ID",
            "oidc_roles": ROLES,
        }
    )


@pytest.fixture
def desk(record: Record, configured: Settings, provider: OpenIdProvider) -> Desk:
    return Desk(create_app(configured), record, provider)


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


NOW = int(time.time())
LIES: dict[str, Callable[[Claims], Claims]] = {
    "another nonce": lambda claims: claims | {"nonce": "x" * 20},
    "no nonce": lambda claims: _without(claims, "nonce"),
    "expired": lambda claims: claims | {"iat": NOW - 7200, "exp": NOW - 3600},
    "never expires": lambda claims: _without(claims, "exp"),
    "issued tomorrow": lambda claims: claims | {"iat": NOW + 86400, "exp": NOW + 90000},
    "for somebody else": lambda claims: claims | {"aud": "another-client"},
    "for somebody else, by us": lambda claims: claims | {"aud": "another-client", "azp": CLIENT},
    "for many, by another": lambda claims: claims | {"aud": [CLIENT, "x"], "azp": "x"},
    "for nobody": lambda claims: _without(claims, "aud"),
    "of another issuer": lambda claims: claims | {"iss": "https://id.evil.example"},
    "of nobody": lambda claims: _without(claims, "iss"),
    "about nobody": lambda claims: _without(claims, "sub"),
    "about an empty one": lambda claims: claims | {"sub": ""},
}


def _without(claims: Claims, name: str) -> Claims:
    return {key: value for key, value in claims.items() if key != name}


def test_an_id_token_whose_claims_are_wrong_signs_nobody_in(desk: Desk) -> None:
    for lie, twist in LIES.items():
        desk.provider.twist = twist
        visitor = desk.visitor()
        assert "could not be verified" in desk.refuses(visitor, desk.sign_in(visitor)), lie
    assert not desk.record.users.any()
    desk.provider.twist = dict
    assert desk.sign_in().status_code == 303


def _unsigned(claims: Claims) -> str:
    return jwt.encode({"alg": "none"}, claims, OctKey.import_key("x" * 32),
                      registry=JWSRegistry(algorithms=["none"]))  # fmt: skip


def _by_hmac(claims: Claims, key: RSAKey) -> str:
    """Signed with the provider's public key as if it were a shared secret."""
    header = {"alg": "HS256", "kid": key.kid}
    head, body = (_base64(json.dumps(part).encode()) for part in (header, claims))
    mac = hmac.digest(key.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{_base64(mac)}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_an_id_token_that_the_provider_did_not_sign_signs_nobody_in(
    desk: Desk, keys: tuple[RSAKey, RSAKey]
) -> None:
    own, other = keys
    forgeries: dict[str, Callable[[Claims], str]] = {
        "another key": lambda claims: desk.provider.signed(claims, other),
        "its name, another key": lambda claims: desk.provider.signed(claims, other, own.kid),
        "none": _unsigned,
        "hmac": lambda claims: _by_hmac(claims, own),
        "cut": lambda claims: desk.provider.signed(claims).rpartition(".")[0],
        "no token": lambda _claims: "",
    }
    for forgery, sign in forgeries.items():
        desk.provider.sign = sign
        visitor = desk.visitor()
        assert "could not be verified" in desk.refuses(visitor, desk.sign_in(visitor)), forgery
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


def _large() -> Response:
    return Response(b" " * (oidc_provider.MOST_BYTES + 1))


def _slow() -> Response:
    return Response((b" " for _ in iter(lambda: time.sleep(0.05), 1)), 200)


FAILURES: dict[str, Callable[[], Response]] = {
    "an error": lambda: Response("out of order", 500),
    "no JSON": lambda: Response("<html>", 200),
    "a list": lambda: Response("[]", 200),
    "elsewhere": lambda: Response("", 302, {"Location": "http://127.0.0.1:9/"}),
    "too much": _large,
    "too slowly": _slow,
}


@pytest.mark.parametrize("part", ["/.well-known/openid-configuration", "/token", "/jwks"])
def test_a_provider_that_fails_gets_the_503_page_with_its_name(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(oidc_provider, "SECONDS", 0.2)
    monkeypatch.setattr(oidc_provider, "REST_SECONDS", 0)
    for failure, instead in FAILURES.items():
        visitor = desk.visitor()
        desk.provider.instead[part] = instead
        answer = visitor.get("/sign-in/oidc")
        if answer.status_code == 302:
            sent = requests.get(answer.headers["Location"], allow_redirects=False, timeout=5)
            answer = visitor.get(sent.headers["Location"].removeprefix(PUBLIC))
        assert answer.status_code == 503, failure
        assert "Acme ID (127.0.0.1), which signs people in here" in answer.text
        assert visitor.get("/tickets").status_code == 302
    desk.provider.instead.clear()
    assert desk.sign_in().status_code == 303


def test_a_provider_that_names_what_cannot_be_is_not_used(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_provider, "REST_SECONDS", 0)
    for said in (
        {"issuer": "https://id.evil.example"},
        {"token_endpoint": "http://id.evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "https://[::1"},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
        {"id_token_signing_alg_values_supported": 7},
    ):
        desk.provider.discovery = said
        assert desk.visitor().get("/sign-in/oidc").status_code == 503, said


def test_a_provider_that_is_down_is_not_asked_again_at_once_and_passwords_still_work(
    record: Record, configured: Settings
) -> None:
    down = configured.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    desk = Desk(create_app(down), record, OpenIdProvider(new_key()))
    record.users.add("root", Role.ADMIN, PASSWORD)
    visitor = desk.visitor()
    for _ in range(2):
        assert visitor.get("/sign-in/oidc").status_code == 503
    answer = visitor.post("/sign-in", {"name": "root", "password": PASSWORD}, form="/sign-in")
    assert answer.status_code == 303


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
