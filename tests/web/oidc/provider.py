"""A small OpenID provider on loopback, which can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from flask import Flask, Response, abort, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from joserfc.jws import JWSRegistry
from werkzeug.serving import make_server
from werkzeug.wrappers import Response as AnyResponse

CLIENT, SECRET = "lethe-desk", "a secret of the client"
Claims = dict[str, Any]


def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, auto_kid=True)


@dataclass
class OpenIdProvider:
    key: RSAKey  # that it signs with
    issuer: str = ""
    person: Claims = field(default_factory=dict)  # who signs in
    asked: list[dict[str, str]] = field(default_factory=list)  # each authorization request
    twist: Callable[[Claims], Claims] = dict  # what becomes of the ID token's claims
    sign: Callable[[Claims], str] | None = None  # what becomes of the ID token
    discovery: Claims = field(default_factory=dict)  # what it says otherwise of itself
    instead: dict[str, Callable[[], AnyResponse]] = field(default_factory=dict)  # path → answer
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)  # paths

    def metadata(self) -> Claims:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "claims_supported": ["sub", "preferred_username", "roles"],
        } | self.discovery

    def authorize(self) -> AnyResponse:
        asked = request.args.to_dict()
        self.asked.append(asked)
        wanted = {"response_type": "code", "client_id": CLIENT, "code_challenge_method": "S256"}
        if any(asked.get(name) != value for name, value in wanted.items()):
            abort(400)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return redirect(f"{asked['redirect_uri']}?code={code}&state={asked['state']}")

    def token(self) -> Response | tuple[Response, int]:
        asked = self.codes.pop(request.form.get("code", ""), None)
        verifier = request.form.get("code_verifier", "").encode()
        made = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=").decode()
        who = request.authorization
        known = who is not None and (who.username, who.password) == (CLIENT, SECRET)
        if not known or asked is None or made != asked["code_challenge"]:
            return jsonify(error="invalid_grant"), 400
        if request.form.get("redirect_uri") != asked["redirect_uri"]:
            return jsonify(error="invalid_grant"), 400
        now = int(time.time())
        claims = self.twist({
            "iss": self.issuer, "aud": CLIENT, "sub": "0001", "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], **self.person,
        })  # fmt: skip
        id_token = (self.sign or self.signed)(claims)
        return jsonify(access_token="opaque", token_type="Bearer", id_token=id_token)

    def signed(self, claims: Claims, key: RSAKey | None = None, kid: str | None = None) -> str:
        key = key or self.key
        header = {"alg": "RS256", "kid": kid or key.kid}
        return jwt.encode(header, claims, key, registry=JWSRegistry(algorithms=["RS256"]))

    def jwks(self) -> Response:
        return jsonify(KeySet([self.key]).as_dict(private=False))


@contextmanager
def serving(provider: OpenIdProvider) -> Iterator[None]:
    """The provider on a free port of loopback."""
    app = Flask(__name__)
    app.before_request(lambda: provider.requests.append(request.path))
    app.before_request(lambda: provider.instead.get(request.path, lambda: None)())
    discovery = "/.well-known/openid-configuration"
    app.add_url_rule(discovery, "metadata", lambda: jsonify(provider.metadata()))
    app.add_url_rule("/authorize", "authorize", lambda: provider.authorize())
    app.add_url_rule("/token", "token", lambda: provider.token(), methods=["POST"])
    app.add_url_rule("/jwks", "jwks", lambda: provider.jwks())
    server = make_server("127.0.0.1", 0, app, threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.port}"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
