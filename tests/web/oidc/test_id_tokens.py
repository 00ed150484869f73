"""ID tokens that lie, and those that the provider did not sign."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from joserfc.jws import JWSRegistry

from tests.web.oidc.conftest import Desk
from tests.web.oidc.provider import CLIENT, Claims

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
